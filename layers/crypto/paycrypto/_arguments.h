#pragma once

#include <Python.h>

#include <forward_list>
#include <new>

#include "paycrypto/byte_view.h"

// What a call holds of its arguments while libpaycrypto reads them in place. Everything is let go of at the end of the
// scope, whichever way that is left. The functions that can fail return -1 with a Python exception set.

namespace paycrypto::python {

inline constexpr Py_ssize_t kItemsMax = 16;

// The bytes of one argument. Exact bytes are held by the caller's own reference; all else is asked for its buffer.
class Bytes {
 public:
  Bytes() noexcept { buffer_.obj = nullptr; }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (buffer_.obj != nullptr) {
      PyBuffer_Release(&buffer_);
    }
  }

  int Hold(PyObject* data) noexcept {
    if (PyBytes_CheckExact(data)) {
      Look(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data));
      return 0;
    }
    if (PyObject_GetBuffer(data, &buffer_, PyBUF_SIMPLE) != 0) {
      buffer_.obj = nullptr;
      return -1;
    }
    Look(buffer_.buf, buffer_.len);
    return 0;
  }

  // As Hold; a str stands for its UTF-8 bytes.
  int HoldText(PyObject* text) noexcept {
    if (!PyUnicode_Check(text)) {
      return Hold(text);
    }
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
      Look(PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text));
      return 0;
    }
    // A lone surrogate is hostile input too, and must be refused as such.
    PyObject* encoded = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (encoded == nullptr) {
      return -1;
    }
    const int held = PyObject_GetBuffer(encoded, &buffer_, PyBUF_SIMPLE);
    Py_DECREF(encoded);
    if (held == 0) {
      Look(buffer_.buf, buffer_.len);
    }
    return held;
  }

  const ByteView& View() const noexcept { return view_; }
  // The same as a message of one part.
  ByteViews Parts() const noexcept { return {&view_, 1}; }
  std::size_t Size() const noexcept { return view_.size; }

 private:
  void Look(const void* data, Py_ssize_t size) noexcept {
    view_ = {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
  }

  Py_buffer buffer_;
  ByteView view_;
};

// The bytes of any number of objects, each of which must outlive it.
class ManyBytes {
 public:
  int Hold(PyObject* data, ByteView* view) noexcept {
    if (PyBytes_CheckExact(data)) {
      *view = {reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(data)),
               static_cast<std::size_t>(PyBytes_GET_SIZE(data))};
      return 0;
    }
    try {
      others_.emplace_front();
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
      return -1;
    }
    const int held = others_.front().Hold(data);
    *view = others_.front().View();
    return held;
  }

 private:
  std::forward_list<Bytes> others_;  // a Py_buffer may not be moved; an empty list allocates nothing
};

// The items of a short sequence, which no other thread can take away meanwhile.
class Items {
 public:
  Items() noexcept {}
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;
  ~Items() {
    for (Py_ssize_t at = 0; at < size_; ++at) {
      Py_DECREF(items_[at]);
    }
  }

  int Hold(PyObject* sequence) noexcept {
    if (PyTuple_CheckExact(sequence) || PyList_CheckExact(sequence)) {
      return Take(sequence);
    }
    PyObject* tuple = PySequence_Tuple(sequence);
    if (tuple == nullptr) {
      return -1;
    }
    const int taken = Take(tuple);
    Py_DECREF(tuple);
    return taken;
  }

  // As Hold, of items that must all be bytes.
  int HoldBytes(PyObject* sequence) noexcept {
    if (Hold(sequence) != 0) {
      return -1;
    }
    for (Py_ssize_t at = 0; at < size_; ++at) {
      if (!PyBytes_Check(items_[at])) {
        PyErr_Format(PyExc_TypeError, "expected bytes, not %.200s", Py_TYPE(items_[at])->tp_name);
        return -1;
      }
      new (&views_[at]) ByteView(reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(items_[at])),
                                 static_cast<std::size_t>(PyBytes_GET_SIZE(items_[at])));
      total_size_ += views_[at].size;
    }
    return 0;
  }

  Py_ssize_t Size() const noexcept { return size_; }
  PyObject* At(Py_ssize_t at) const noexcept { return items_[at]; }
  // After HoldBytes: the bytes of each item, and how many that is in all.
  ByteViews Views() const noexcept { return {views_, static_cast<std::size_t>(size_)}; }
  std::size_t TotalSize() const noexcept { return total_size_; }

 private:
  // One reference each costs less than a tuple of all of them.
  int Take(PyObject* tuple_or_list) noexcept {
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(tuple_or_list);
    if (size > kItemsMax) {
      PyErr_Format(PyExc_ValueError, "at most %zd items are allowed, not %zd", kItemsMax, size);
      return -1;
    }
    for (; size_ < size; ++size_) {
      items_[size_] = PySequence_Fast_GET_ITEM(tuple_or_list, size_);
      Py_INCREF(items_[size_]);
    }
    return 0;
  }

  Py_ssize_t size_ = 0;
  std::size_t total_size_ = 0;
  PyObject* items_[kItemsMax];
  union {
    ByteView views_[kItemsMax];  // begun as needed: clearing all of them takes as long as all else here
  };
};

}  // namespace paycrypto::python
