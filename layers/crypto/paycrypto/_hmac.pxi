# HMAC: keys, streams, sets of keys, batches. The classes of the two hashes differ in nothing but the hash.


@cython.final
cdef class HmacSha256Key:
    """A secret for HMAC-SHA256, ready to sign and verify; wiped from memory with the object."""

    cdef CHmacSha256Key key

    def __cinit__(self, secret, /):
        cdef Bytes secret_bytes
        secret_bytes.Hold(secret)
        check(CHmacSha256Key.Create(secret_bytes.View(), &self.key), _SECRET_LIMITS)

    def sign(self, message, /):
        """Return the 32-byte tag of the message."""
        cdef Bytes held
        cdef HmacSha256Tag tag
        held.Hold(message)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.Sign(held.Parts(), &tag)
        enter_gil(left)
        check(status, None)
        return PyBytes_FromStringAndSize(<char*>tag.data(), <Py_ssize_t>tag.size())

    def verify(self, message, tag, /):
        """Raise InvalidSignature unless the tag is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.Hold(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.Verify(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def verify_hex(self, message, tag, /):
        """Raise InvalidSignature unless the tag, in lower-case hex, is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.HoldText(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.VerifyHex(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def verify_base64(self, message, tag, /):
        """Raise InvalidSignature unless the tag, in canonical base64, is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.HoldText(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.VerifyBase64(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def stream(self):
        """Begin the tag of a message that comes in pieces."""
        return HmacSha256Stream(self)

    def __reduce__(self):
        raise TypeError("HmacSha256Key cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<HmacSha256Key ***>"


@cython.final
cdef class HmacSha512Key:
    """A secret for HMAC-SHA512, ready to sign and verify; wiped from memory with the object."""

    cdef CHmacSha512Key key

    def __cinit__(self, secret, /):
        cdef Bytes secret_bytes
        secret_bytes.Hold(secret)
        check(CHmacSha512Key.Create(secret_bytes.View(), &self.key), _SECRET_LIMITS)

    def sign(self, message, /):
        """Return the 64-byte tag of the message."""
        cdef Bytes held
        cdef HmacSha512Tag tag
        held.Hold(message)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.Sign(held.Parts(), &tag)
        enter_gil(left)
        check(status, None)
        return PyBytes_FromStringAndSize(<char*>tag.data(), <Py_ssize_t>tag.size())

    def verify(self, message, tag, /):
        """Raise InvalidSignature unless the tag is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.Hold(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.Verify(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def verify_hex(self, message, tag, /):
        """Raise InvalidSignature unless the tag, in lower-case hex, is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.HoldText(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.VerifyHex(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def verify_base64(self, message, tag, /):
        """Raise InvalidSignature unless the tag, in canonical base64, is that of the message."""
        cdef Bytes held
        cdef Bytes held_tag
        held.Hold(message)
        held_tag.HoldText(tag)
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.key.VerifyBase64(held.Parts(), held_tag.View())
        enter_gil(left)
        check(status, None)

    def stream(self):
        """Begin the tag of a message that comes in pieces."""
        return HmacSha512Stream(self)

    def __reduce__(self):
        raise TypeError("HmacSha512Key cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<HmacSha512Key ***>"


cdef int refuse_if_busy(bint busy) except -1:
    # A flag is guard enough, since it changes under the GIL only.
    if busy:
        raise RuntimeError("another thread is using the stream")
    return 0


@cython.final
cdef class HmacSha256Stream:
    """The tag of a message that comes in pieces; wiped from memory with the object."""

    cdef CHmacSha256Stream stream
    cdef bint busy

    def __cinit__(self, HmacSha256Key key not None, /):
        check(CHmacSha256Stream.Begin(key.key, &self.stream), None)

    def update(self, piece, /):
        """Add a piece of the message."""
        cdef Bytes held
        held.Hold(piece)
        refuse_if_busy(self.busy)
        self.busy = True
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.stream.Update(held.View())
        enter_gil(left)
        self.busy = False
        check(status, _ENDED)

    def sign(self):
        """Return the 32-byte tag of all the pieces and end the stream."""
        cdef HmacSha256Tag tag
        refuse_if_busy(self.busy)
        check(self.stream.Finish(&tag), _ENDED)
        return PyBytes_FromStringAndSize(<char*>tag.data(), <Py_ssize_t>tag.size())

    def verify(self, tag, /):
        """End the stream; raise InvalidSignature unless the tag is that of all the pieces."""
        cdef Bytes held_tag
        held_tag.Hold(tag)
        refuse_if_busy(self.busy)
        check(self.stream.Verify(held_tag.View()), _ENDED)

    def __reduce__(self):
        raise TypeError("HmacSha256Stream cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<HmacSha256Stream ***>"


@cython.final
cdef class HmacSha512Stream:
    """The tag of a message that comes in pieces; wiped from memory with the object."""

    cdef CHmacSha512Stream stream
    cdef bint busy

    def __cinit__(self, HmacSha512Key key not None, /):
        check(CHmacSha512Stream.Begin(key.key, &self.stream), None)

    def update(self, piece, /):
        """Add a piece of the message."""
        cdef Bytes held
        held.Hold(piece)
        refuse_if_busy(self.busy)
        self.busy = True
        cdef PyThreadState* left = leave_gil(held.Size())
        cdef Status status = self.stream.Update(held.View())
        enter_gil(left)
        self.busy = False
        check(status, _ENDED)

    def sign(self):
        """Return the 64-byte tag of all the pieces and end the stream."""
        cdef HmacSha512Tag tag
        refuse_if_busy(self.busy)
        check(self.stream.Finish(&tag), _ENDED)
        return PyBytes_FromStringAndSize(<char*>tag.data(), <Py_ssize_t>tag.size())

    def verify(self, tag, /):
        """End the stream; raise InvalidSignature unless the tag is that of all the pieces."""
        cdef Bytes held_tag
        held_tag.Hold(tag)
        refuse_if_busy(self.busy)
        check(self.stream.Verify(held_tag.View()), _ENDED)

    def __reduce__(self):
        raise TypeError("HmacSha512Stream cannot be pickled or copied: it holds a secret")

    def __repr__(self):
        return "<HmacSha512Stream ***>"


cdef int hold_keys(keys, Items* held, const CHmacSha256Key** array, HmacSha256Keys* live) except -1:
    """Point `live` at the keys; `held` and `array` must outlive it."""
    cdef Py_ssize_t at
    held.Hold(keys)
    for at in range(held.Size()):
        array[at] = &(<HmacSha256Key?>(<object>held.At(at))).key
    live.data = array
    live.size = <size_t>held.Size()
    return 0


def verify_any(keys, message, tags):
    """Return the index of the key that made one of the raw tags; raise InvalidSignature if none did."""
    cdef const CHmacSha256Key* array[kItemsMax]
    cdef HmacSha256Keys live
    cdef Items held_keys
    cdef Items held_tags
    cdef Bytes held
    cdef size_t matched = 0
    hold_keys(keys, &held_keys, array, &live)
    held.Hold(message)
    if len(tags) > kItemsMax:
        raise InvalidSignature(Reason.MALFORMED)  # the sender chose how many
    held_tags.HoldBytes(tags)
    cdef PyThreadState* left = leave_gil(held.Size() * live.size)
    cdef Status status = VerifyAny(live, held.Parts(), held_tags.Views(), &matched)
    enter_gil(left)
    check(status, None)
    return matched


def verify_hmac_sha256_batch(checks, /):
    """Return for each (key, message, tag) None if the tag is right, else the reason of the refusal."""
    cdef tuple items = tuple(checks)  # which no other thread can change
    cdef size_t count = <size_t>len(items)
    cdef vector[HmacSha256Check] batch
    cdef vector[Status] outcomes
    cdef ManyBytes held
    cdef size_t hashed_bytes = 0
    cdef size_t at
    cdef HmacSha256Check* entry
    batch.resize(count)
    outcomes.resize(count)
    for at in range(count):
        entry = &batch[at]
        read_check(items[at], entry, &held)
        hashed_bytes += entry.message.size
    cdef PyThreadState* left = leave_gil(hashed_bytes)
    cdef Status status = VerifyHmacSha256Batch(batch.data(), count, outcomes.data())
    enter_gil(left)
    check(status, None)
    return [None if outcomes[at] == Status.kOk else reason_of(outcomes[at]) for at in range(count)]


cdef int read_check(item, HmacSha256Check* entry, ManyBytes* held) except -1:
    if not isinstance(item, tuple) or len(<tuple>item) != 3:
        raise TypeError("a check is a tuple of key, message and tag")
    entry.key = &(<HmacSha256Key?>(<tuple>item)[0]).key
    held.Hold((<tuple>item)[1], &entry.message)
    held.Hold((<tuple>item)[2], &entry.tag)
    return 0
