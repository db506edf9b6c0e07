// The command line that parents of every implementation give their children.
#include <cstring>

#include "ipc/literal.hpp"
#include "spawn/boot.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {
namespace {

constexpr const char* kEntryModule = "tractor._child";

Failure bad_flag(const std::string& flag, const std::string& why) {
  return Failure::of(Status::invalid, flag + ": " + why, "ValueError");
}

/// "('NAME', 'UUID')", as a tuple or a list.
Result<Done> parse_uid(std::string_view text, BootInfo& info) {
  const char* expected = "expected a pair of strings such as \"('name', 'uuid')\"";
  char close = ')';
  if (!take_token(text, '(')) {
    close = ']';
    if (!take_token(text, '[')) return bad_flag("--uid", expected);
  }
  for (std::string* field : {&info.name, &info.uuid}) {
    auto literal = take_literal(text);
    if (!literal) return bad_flag("--uid", literal.failure().message);
    *field = std::move(*literal);
    bool comma = take_token(text, ',');
    if (!comma && field == &info.name) return bad_flag("--uid", expected);
  }
  if (!take_token(text, close) || text.find_first_not_of(" \t") != text.npos) return bad_flag("--uid", expected);
  if (info.name.empty() || info.uuid.empty()) return bad_flag("--uid", "name and uuid must not be empty");
  if (!wire::valid_utf8(info.name) || !wire::valid_utf8(info.uuid)) return bad_flag("--uid", "is not UTF-8");
  return Done{};
}

/// The words of a command line, each flag with its value: "--uid X" or "--uid=X".
class Flags {
 public:
  Flags(int argc, char** argv) : argc_(argc), argv_(argv) {}

  bool next() {
    if (at_ >= argc_) return false;
    std::string_view word = argv_[at_++];
    size_t equals = word.starts_with("--") ? word.find('=') : word.npos;
    name_ = word.substr(0, equals);
    has_value_ = equals != word.npos;
    if (has_value_) value_ = word.substr(equals + 1);
    return true;
  }
  const std::string& name() const { return name_; }
  bool bare() const { return !has_value_; }
  Result<std::string> value() {
    if (has_value_) return value_;
    if (at_ >= argc_) return bad_flag(name_, "has no value");
    return std::string(argv_[at_++]);
  }

 private:
  int argc_;
  char** argv_;
  int at_ = 1;
  bool has_value_ = false;
  std::string name_, value_;
};

Result<Done> take_flag(Flags& flags, BootInfo& info, bool& has_addr) {
  const std::string& name = flags.name();
  if (name == "--asyncio" && flags.bare()) {
    return Failure::of(Status::not_supported, "--asyncio: only Python actors run on asyncio", "NotImplementedError");
  }
  bool known = name == "-m" || name == "--uid" || name == "--parent_addr" || name == "--loglevel";
  if (!known) return Failure::of(Status::invalid, "unknown flag '" + name + "'", "ValueError");
  auto value = flags.value();
  if (!value) return value.failure();
  if (name == "-m") {
    if (*value != kEntryModule) return bad_flag("-m", "'" + *value + "' is not " + kEntryModule);
  } else if (name == "--uid") {
    return parse_uid(*value, info);
  } else if (name == "--parent_addr") {
    auto addr = parse_address_argument(*value);
    if (!addr) return bad_flag("--parent_addr", addr.failure().message);
    info.parent_addr = std::move(*addr);
    has_addr = true;
  } else {
    info.log_level = std::move(*value);
  }
  return Done{};
}

}  // namespace

std::vector<std::string> child_flags(const BootInfo& info) {
  std::string uid = "(";
  append_literal(uid, info.name);
  uid += ", ";
  append_literal(uid, info.uuid);
  uid += ")";
  std::vector<std::string> flags{"--uid", std::move(uid), "--parent_addr", address_argument(info.parent_addr)};
  if (!info.log_level.empty()) {
    flags.push_back("--loglevel");
    flags.push_back(info.log_level);
  }
  return flags;
}

Result<BootInfo> boot_from_flags(int argc, char** argv) {
  BootInfo info;
  bool has_addr = false;
  Flags flags(argc, argv);
  while (flags.next()) {
    if (auto ok = take_flag(flags, info, has_addr); !ok) return ok.failure();
  }
  if (info.uuid.empty()) return Failure::of(Status::invalid, "--uid is missing", "ValueError");
  if (!has_addr) return Failure::of(Status::invalid, "--parent_addr is missing", "ValueError");
  return info;
}

}  // namespace tractor::core
