#include "spawn/last_lines.hpp"

#include "wire/utf8.hpp"

namespace tractor::core {

std::string last_lines(std::string_view text, bool cut, size_t limit) {
  if (text.size() > limit) {
    text.remove_prefix(text.size() - limit);
    cut = true;
  }
  if (cut) {
    size_t newline = text.find('\n');
    if (newline != text.npos && newline + 1 < text.size()) text.remove_prefix(newline + 1);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::string valid = wire::to_valid_utf8(text);
  // A replacement character is longer than the byte it stands for.
  if (valid.size() > limit) {
    valid.erase(0, valid.size() - limit);
    while (!valid.empty() && (static_cast<unsigned char>(valid[0]) & 0xc0) == 0x80) valid.erase(0, 1);
  }
  return valid;
}

std::string_view last_line(std::string_view lines) {
  while (!lines.empty() && lines.back() == '\n') lines.remove_suffix(1);
  size_t newline = lines.rfind('\n');
  return newline == lines.npos ? lines : lines.substr(newline + 1);
}

}  // namespace tractor::core
