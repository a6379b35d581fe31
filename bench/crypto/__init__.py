"""paycrypto against its goals: the standard library, other packages, and the time of the hash alone."""
