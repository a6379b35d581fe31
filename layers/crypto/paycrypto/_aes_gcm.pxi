# AES-256-GCM.


@cython.final
cdef class Aes256GcmKey:
    """A key of AES-256-GCM, to seal and open; wiped from memory with the object."""

    cdef CAes256GcmKey key

    def __cinit__(self, secret, /):
        cdef Bytes secret_bytes
        secret_bytes.Hold(secret)
        check(CAes256GcmKey.Create(secret_bytes.View(), &self.key), _AES_KEY_LIMITS)

    def seal(self, nonce, plaintext, associated_data):
        """Return the ciphertext and the 16-byte tag behind it."""
        cdef Bytes held_nonce
        cdef Bytes held
        cdef Bytes held_data
        held_nonce.Hold(nonce)
        held.Hold(plaintext)
        held_data.Hold(associated_data)
        cdef size_t size = held.Size() + kAesGcmTagBytes
        sealed = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(sealed)
        cdef PyThreadState* left = leave_gil(held.Size() + held_data.Size())
        cdef Status status = self.key.Seal(held_nonce.View(), held.View(), held_data.View(), out, size)
        enter_gil(left)
        check(status, _SEAL_LIMITS)
        return sealed

    def open(self, nonce, sealed, associated_data):
        """Return the plaintext; raise InvalidSignature unless it was sealed with this key, nonce and data."""
        cdef Bytes held_nonce
        cdef Bytes held
        cdef Bytes held_data
        held_nonce.Hold(nonce)
        held.Hold(sealed)
        held_data.Hold(associated_data)
        cdef size_t size = held.Size() - kAesGcmTagBytes if held.Size() > kAesGcmTagBytes else 0
        plaintext = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        cdef uint8_t* out = <uint8_t*>PyBytes_AS_STRING(plaintext)
        cdef PyThreadState* left = leave_gil(held.Size() + held_data.Size())
        cdef Status status = self.key.Open(held_nonce.View(), held.View(), held_data.View(), out, size)
        enter_gil(left)
        check(status, _SEAL_LIMITS)
        return plaintext

    def __reduce__(self):
        raise TypeError("Aes256GcmKey cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<Aes256GcmKey ***>"
