// The boot record: a line that says what it is, then fields as netstrings ("4:text,") in a fixed order.
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/boot.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {
namespace {

constexpr std::string_view kMagic = "tractor boot record 1\n";
constexpr size_t kLargestRecord = 64 * 1024;

void put(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out.append(":").append(text).append(",");
}

bool take(std::string_view& in, std::string& out) {
  size_t size = 0;
  auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), size);
  if (error != std::errc()) return false;
  in.remove_prefix(static_cast<size_t>(end - in.data()));
  if (in.empty() || in[0] != ':' || size >= in.size() - 1 || in[size + 1] != ',') return false;
  out = in.substr(1, size);
  in.remove_prefix(size + 2);
  return true;
}

template <class Number>
bool take_number(std::string_view& in, Number& out) {
  std::string text;
  if (!take(in, text)) return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Reads the descriptor to its end and closes it. Only a file without a name is taken for what a parent passes: a
/// descriptor of somebody else's, named by chance, stays open and unread.
Result<std::string> read_whole(int fd) {
  std::string where = "descriptor " + std::to_string(fd);
  struct stat st {};
  if (fd <= STDERR_FILENO || fstat(fd, &st) < 0) return Failure::of(Status::invalid, where + " is not open");
  if (!S_ISREG(st.st_mode) || st.st_nlink != 0) return Failure::of(Status::invalid, where + " is no boot record");
  std::string text;
  char buffer[4096];
  for (;;) {
    // From its start, wherever the writer left off.
    ssize_t n = pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int error = errno;
      close(fd);
      return Failure::system(Status::invalid, where, error);
    }
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kLargestRecord) break;
  }
  close(fd);
  if (text.size() > kLargestRecord) return Failure::of(Status::invalid, where + " is too long for a boot record");
  return text;
}

Result<BootInfo> boot(std::string_view fd_text) {
  int fd = -1;
  auto [end, error] = std::from_chars(fd_text.data(), fd_text.data() + fd_text.size(), fd);
  if (error != std::errc() || end != fd_text.data() + fd_text.size()) {
    return Failure::of(Status::invalid, "'" + std::string(fd_text) + "' is no descriptor");
  }
  auto text = read_whole(fd);
  if (!text) return text.failure();
  return decode_boot_record(*text);
}

}  // namespace

std::string encode_boot_record(const BootInfo& info) {
  std::string out(kMagic);
  put(out, info.name);
  put(out, info.uuid);
  put(out, transport_name(info.parent_addr.kind));
  put(out, info.parent_addr.host);
  put(out, std::to_string(info.parent_addr.port));
  put(out, info.parent_addr.file);
  put(out, info.log_level);
  put(out, std::to_string(info.parent_pid));
  return out;
}

Result<BootInfo> decode_boot_record(std::string_view in) {
  if (!in.starts_with(kMagic)) return Failure::of(Status::invalid, "it is no boot record of this version");
  in.remove_prefix(kMagic.size());
  BootInfo info;
  info.native = true;
  std::string transport;
  bool whole = take(in, info.name) && take(in, info.uuid) && take(in, transport) && take(in, info.parent_addr.host) &&
               take_number(in, info.parent_addr.port) && take(in, info.parent_addr.file) && take(in, info.log_level) &&
               take_number(in, info.parent_pid) && in.empty();
  if (!whole) return Failure::of(Status::invalid, "the boot record is damaged");
  auto kind = transport_by_name(transport);
  if (!kind) return kind.failure();
  info.parent_addr.kind = *kind;
  if (info.name.empty() || info.uuid.empty()) return Failure::of(Status::invalid, "the boot record names no actor");
  if (!wire::valid_utf8(info.name) || !wire::valid_utf8(info.uuid)) {
    return Failure::of(Status::invalid, "the actor's name in the boot record is not UTF-8");
  }
  return info;
}

std::optional<Result<BootInfo>> boot_from_record(int argc, char** argv) {
  if (argc < 2 || std::strncmp(argv[1], kChildArgument, std::strlen(kChildArgument)) != 0) return std::nullopt;
  auto info = boot(argv[1] + std::strlen(kChildArgument));
  if (info) return info;
  return Failure{info.failure().code, std::string(argv[1]) + " is for tractor's own use: " + info.failure().message,
                 "ValueError"};
}

}  // namespace tractor::core
