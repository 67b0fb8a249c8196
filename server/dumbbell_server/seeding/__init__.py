"""Projects described in files, loaded into a database."""
