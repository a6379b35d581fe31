# RSA.


@cython.final
cdef class RsaPublicKey:
    """An RSA public key, read once and ready to verify."""

    cdef CRsaPublicKey key

    def __cinit__(self, encoded, /):
        cdef Bytes held
        held.HoldText(encoded)
        cdef Status status = CRsaPublicKey.Parse(held.View(), &self.key)
        if status == Status.kMalformed:
            raise ValueError("not one RSA public key or certificate, PEM or DER, of 2048 to 8192 bits")
        check(status, None)

    @property
    def bits(self):
        """How long the modulus is."""
        return self.key.Bits()

    def verify_sha256(self, message, signature, /):
        """Raise InvalidSignature unless it is the message's signature: PKCS#1 v1.5 with SHA-256."""
        cdef Bytes held
        cdef Bytes held_signature
        held.Hold(message)
        held_signature.Hold(signature)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.VerifySha256(held.Parts(), held_signature.View())
        enter_gil(left)
        check(status, None)

    def __reduce__(self):
        raise TypeError("RsaPublicKey cannot be pickled or copied: read the key again where it is needed")

    def __repr__(self):
        return f"<RsaPublicKey of {self.bits} bits>"
