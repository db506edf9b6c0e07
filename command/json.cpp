#include "command/json.hpp"

#include <memory>
#include <nlohmann/json.hpp>

namespace tractor::command {

namespace {

using nlohmann::json;

constexpr int kDeepest = 512;  // what the wire takes

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> from_hex(const json& text) {
  if (!text.is_string()) return std::nullopt;
  const auto& hex = text.get_ref<const std::string&>();
  if (hex.size() % 2) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

class Packer {
 public:
  Packer() : writer_(tractor_writer_new()) {}
  ~Packer() { tractor_writer_free(writer_); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  tractor_bytes bytes() const { return tractor_writer_bytes(writer_); }

  /// False if it is none; what the writer refuses shows in bytes().
  bool pack(const json& value, int depth = 0) {
    if (depth == kDeepest) return fail("the arguments nest too deep");
    switch (value.type()) {
      case json::value_t::boolean: tractor_writer_bool(writer_, value.get<bool>()); break;
      case json::value_t::number_integer: tractor_writer_i64(writer_, value.get<int64_t>()); break;
      case json::value_t::number_unsigned: tractor_writer_u64(writer_, value.get<uint64_t>()); break;
      case json::value_t::number_float: tractor_writer_f64(writer_, value.get<double>()); break;
      case json::value_t::string: text(value.get_ref<const std::string&>()); break;
      case json::value_t::array:
        tractor_writer_array(writer_, static_cast<uint32_t>(value.size()));
        for (const json& element : value)
          if (!pack(element, depth + 1)) return false;
        break;
      case json::value_t::object: return object(value, depth);
      default: tractor_writer_nil(writer_);
    }
    return true;
  }

  const std::string& why() const { return why_; }

 private:
  void text(const std::string& s) { tractor_writer_str(writer_, s.data(), s.size()); }

  bool object(const json& value, int depth) {
    if (value.size() == 1 && value.contains("$bin")) {
      auto bytes = from_hex(value["$bin"]);
      if (!bytes) return fail("\"$bin\" takes hexadecimal digits");
      tractor_writer_bin(writer_, bytes->data(), bytes->size());
      return true;
    }
    if (value.size() == 1 && value.contains("$ext")) return extension(value["$ext"]);
    tractor_writer_map(writer_, static_cast<uint32_t>(value.size()));
    for (const auto& [key, element] : value.items()) {
      text(key);
      if (!pack(element, depth + 1)) return false;
    }
    return true;
  }

  bool extension(const json& pair) {
    bool fits = pair.is_array() && pair.size() == 2 && pair[0].is_number_integer();
    int64_t number = fits ? pair[0].get<int64_t>() : 0;
    auto bytes = fits ? from_hex(pair[1]) : std::nullopt;
    if (!bytes || number < -128 || number > 127)
      return fail("\"$ext\" takes a number from -128 to 127 and hexadecimal digits");
    tractor_writer_ext(writer_, static_cast<int8_t>(number), bytes->data(), bytes->size());
    return true;
  }

  bool fail(const char* why) {
    why_ = why;
    return false;
  }

  tractor_writer* writer_;
  std::string why_;
};

}  // namespace

std::optional<std::string> to_msgpack(const json& value, std::string& why) {
  Packer packer;
  if (!packer.pack(value)) {
    why = packer.why();
    return std::nullopt;
  }
  tractor_bytes bytes = packer.bytes();
  if (const char* error = tractor_bytes_error(bytes)) {
    why = std::string("the arguments can't be sent: ") + error;
    return std::nullopt;
  }
  return std::string(static_cast<const char*>(bytes.data), bytes.len);
}

std::string to_text(const tractor_value* value) {
  std::unique_ptr<char, void (*)(void*)> text(tractor_value_json(value), tractor_free);
  return text ? text.get() : "null";
}

json from_value(const tractor_value* value) {
  size_t size = 0;
  auto* data = static_cast<const unsigned char*>(tractor_value_data(value, &size));
  auto read = json::from_msgpack(data, data + size, true, false);
  return read.is_discarded() ? json() : read;
}

}  // namespace tractor::command
