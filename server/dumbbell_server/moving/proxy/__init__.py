"""Between a client and a server of the protocol: what goes by is forwarded, and held against our own schema."""
