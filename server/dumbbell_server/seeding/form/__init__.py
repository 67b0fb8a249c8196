"""What a fixture can say, and where: documents, their folder, and how both are read."""
