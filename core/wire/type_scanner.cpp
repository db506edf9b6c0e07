#include "wire/type_scanner.hpp"

#include <algorithm>
#include <charconv>

#include "wire/cursor.hpp"
#include "wire/utf8.hpp"

namespace tractor::core::wire {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

bool is_type_name(std::string_view s) {
  return !s.empty() && !is_digit(s[0]) && std::ranges::all_of(s, [](char c) { return is_letter(c) || is_digit(c); });
}

TypeScanner::TypeScanner(std::string_view text) : text_(text) {
  if (text.size() <= kMaxTypeText) return;
  failed_ = true;
  failure_ = Failure::of(Status::invalid,
                         "payload type: the text has " + std::to_string(text.size()) + " bytes, at most " +
                             std::to_string(kMaxTypeText) + " are allowed: \"" + shown(text) + "\"",
                         "TypeError");
}

bool TypeScanner::fail(const std::string& what, size_t at) {
  if (failed_) return false;
  auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  auto before = std::ranges::count_if(text_.substr(0, at), starts_character);
  failed_ = true;
  failure_ = Failure::of(
      Status::invalid,
      "payload type: " + what + ", at column " + std::to_string(before + 1) + " of \"" + shown(text_) + "\"",
      "TypeError");
  return false;
}

bool TypeScanner::expected(const std::string& what, size_t at) {
  return fail("expected " + what + ", found " + found_at(at), at);
}

std::string TypeScanner::found_at(size_t at) const {
  std::string_view rest = text_.substr(at);
  if (rest.empty()) return "the end";
  size_t n = 0;
  while (n < rest.size() && (is_letter(rest[n]) || is_digit(rest[n]))) ++n;
  if (n == 0) n = std::max(utf8_sequence(rest), size_t{1});
  return "'" + shown(rest.substr(0, n)) + "'";
}

size_t TypeScanner::here() {
  pos_ = std::min(text_.find_first_not_of(" \t\r\n", pos_), text_.size());
  return pos_;
}

char TypeScanner::peek() { return here() < text_.size() ? text_[pos_] : '\0'; }

bool TypeScanner::take(char c) {
  if (failed_ || peek() != c || pos_ == text_.size()) return false;
  ++pos_;
  return true;
}

bool TypeScanner::want(char c) { return take(c) || expected(std::string("'") + c + "'"); }

bool TypeScanner::end(const char* what) { return !failed_ && (here() == text_.size() || expected(what)); }

std::string_view TypeScanner::name() {
  if (!is_letter(peek())) return {};
  size_t start = pos_;
  while (pos_ < text_.size() && (is_letter(text_[pos_]) || is_digit(text_[pos_]))) ++pos_;
  return text_.substr(start, pos_ - start);
}

bool TypeScanner::section(std::string_view& out) {
  if (failed_) return false;
  size_t start = pos_;
  out = name();
  if (!out.empty() && take(':')) return true;
  pos_ = start;
  return false;
}

bool TypeScanner::quoted(std::string& out) {
  const char quote = peek();
  const size_t start = pos_++;
  for (;;) {
    std::string_view rest = text_.substr(pos_);
    size_t n = utf8_sequence(rest);
    if (rest.empty()) return fail("the quote is not closed", start);
    if (n == 0 || static_cast<unsigned char>(rest[0]) < ' ' || rest[0] == '\x7f')
      return expected("a printable character", pos_);
    if (rest[0] == quote) break;
    if (rest[0] == '\\') {
      if (rest.size() == 1 || std::string_view("'\"\\").find(rest[1]) == std::string_view::npos)
        return expected("a quote or a backslash", pos_ + 1);
      rest.remove_prefix(1);
      ++pos_;
    }
    out += rest.substr(0, n);
    pos_ += n;
  }
  ++pos_;
  return true;
}

bool TypeScanner::integer(uint64_t& number, bool& negative) {
  size_t start = here();
  const char *from = text_.data() + pos_, *to = text_.data() + text_.size();
  std::from_chars_result read{};
  negative = peek() == '-';
  if (negative) {
    int64_t below_0 = 0;
    read = std::from_chars(from, to, below_0);
    number = static_cast<uint64_t>(below_0);
    negative = below_0 < 0;
  } else {
    read = std::from_chars(from, to, number);
  }
  if (read.ec == std::errc::result_out_of_range) return fail("the integer does not fit into 64 bits", start);
  if (read.ec != std::errc()) return expected("an integer", start);
  pos_ = static_cast<size_t>(read.ptr - text_.data());
  return (pos_ == text_.size() || !is_letter(text_[pos_])) || expected("an integer", start);
}

}  // namespace tractor::core::wire
