// C++ values to MessagePack.
#pragma once

#include <tractor/value.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <new>
#include <span>
#include <string_view>

#include "handle.hpp"

namespace tractor {

template <class T>
struct codec;

/// Writes one value, piece by piece; containers are announced with their size. A failure, such as text that is not UTF-8,
/// sticks: whatever is given the bytes fails with it, so there is nothing to check in between.
class writer {
 public:
  writer() : c_(tractor_writer_new()) {
    if (!c_) throw std::bad_alloc();
  }

  void nil() { tractor_writer_nil(c_.get()); }
  void boolean(bool v) { tractor_writer_bool(c_.get(), v); }
  void integer(std::int64_t v) { tractor_writer_i64(c_.get(), v); }
  void unsigned_integer(std::uint64_t v) { tractor_writer_u64(c_.get(), v); }
  void real(double v) { tractor_writer_f64(c_.get(), v); }
  void text(std::string_view v) { tractor_writer_str(c_.get(), v.data(), v.size()); }
  void bytes(std::span<const std::byte> v) { tractor_writer_bin(c_.get(), v.data(), v.size()); }
  void extension(std::int8_t type, std::span<const std::byte> v) {
    tractor_writer_ext(c_.get(), type, v.data(), v.size());
  }
  void array(std::size_t count) { tractor_writer_array(c_.get(), static_cast<std::uint32_t>(count)); }
  void map(std::size_t count) { tractor_writer_map(c_.get(), static_cast<std::uint32_t>(count)); }
  void raw(tractor_bytes value) { tractor_writer_raw(c_.get(), value); }

  template <class T>
  void write(const T& value) {
    codec<T>::write(*this, value);
  }

  /// Begins anew; keeps the memory.
  void reset() { tractor_writer_reset(c_.get()); }
  /// Borrowed until the writer is changed.
  tractor_bytes done() const { return tractor_writer_bytes(c_.get()); }

 private:
  writer_ptr c_;
};

namespace detail {

/// One of this thread's writers, empty. What it has written is read by the library before the start that it is given to returns,
/// so one is enough for each value that is being written: a codec may encode another one meanwhile.
class scratch {
 public:
  scratch() : w_(at(depth())) {
    ++depth();
    w_.reset();
  }
  scratch(const scratch&) = delete;
  ~scratch() { --depth(); }
  writer& get() const noexcept { return w_; }

 private:
  static std::size_t& depth() noexcept {
    thread_local std::size_t values = 0;
    return values;
  }
  static writer& at(std::size_t level) {
    thread_local writer first;
    if (level == 0) return first;
    thread_local std::deque<writer> more;
    while (more.size() < level) more.emplace_back();
    return more[level - 1];
  }
  writer& w_;
};

}  // namespace detail

/// The bytes of a value, borrowed until the next call on this thread.
template <class T>
tractor_bytes encode(const T& value) {
  if constexpr (requires { codec<T>::packed(value); }) return codec<T>::packed(value);
  detail::scratch one;
  writer& w = one.get();
  w.write(value);
  return w.done();
}

}  // namespace tractor
