// What happened in a schedule: hashed always, kept as text only for a replay.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

/// Everything random comes from here, in one order.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return static_cast<size_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
  bool one_in(size_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

class Journal {
 public:
  explicit Journal(bool keeps) : keeps_(keeps) {}
  bool keeps() const { return keeps_; }
  void hash(uint64_t word) {
    digest_ = (digest_ ^ word) * 0x9FB21C651E98DF25u;
    digest_ ^= digest_ >> 29;
  }
  void hash(std::string_view text) {
    for (size_t i = 0; i < text.size(); i += 8) {
      uint64_t word = text.size();
      __builtin_memcpy(&word, text.data() + i, text.size() - i < 8 ? text.size() - i : 8);
      hash(word);
    }
  }
  /// One event: its kind and numbers are hashed, and a line of text is kept if lines are.
  void event(const char* kind, uint64_t a = 0, uint64_t b = 0) {
    hash(std::string_view(kind));
    hash(a);
    hash(b);
  }
  void line(int64_t now, const char* format, ...) __attribute__((format(printf, 3, 4)));
  void vline(int64_t now, const char* format, va_list args);
  /// The first thing that is wrong counts.
  void broken(int64_t now, const char* format, ...) __attribute__((format(printf, 3, 4)));
  bool is_broken() const { return !why_.empty(); }
  const std::string& why() const { return why_; }
  uint64_t digest() const { return digest_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  bool keeps_;
  uint64_t digest_ = 0x243f6a8885a308d3u;
  std::string why_;
  std::vector<std::string> lines_;
};

}  // namespace sim
