// A schema and a value, both from anywhere. The first two bytes, little endian, say how many of the next ones are the
// schema. What is read as a type has a canonical text that is read as the same type, and fits the same values.
#include <cstdint>
#include <cstdlib>

#include "wire/cursor.hpp"
#include "wire/ext_types.hpp"
#include "wire/type_spec.hpp"
#include "wire/utf8.hpp"

using namespace tractor::core;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_readable(const std::string& text, size_t most) {
  require(!text.empty() && text.size() < most && wire::valid_utf8(text));
  for (char c : text) require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
}

int even(const void*, size_t len, void*) { return len % 2 == 0 ? TRACTOR_OK : TRACTOR_EUSER; }

void check(const TypeSpec& spec, Bytes value) {
  std::optional<Mismatch> mismatch = spec.check(value);
  require_readable(spec.text(), 4 * wire::kMaxTypeText);
  if (mismatch) require_readable(mismatch->text(), 8 * wire::kMaxTypeText);
  bool whole = value.empty() || !wire::check_one_value(value, wire::kMaxFrameDepth);
  if (!mismatch) require(whole);
  if (spec.takes_all() && whole) require(!mismatch);

  auto again = TypeSpec::parse(spec.text());
  if (!again) {
    require(spec.text().size() > wire::kMaxTypeText);
    return;
  }
  require((*again)->text() == spec.text());
  require((*again)->check(value).has_value() == mismatch.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  [[maybe_unused]] static const Status registered = ExtTypes::add("Even", 7, even, nullptr);
  if (size < 2) return 0;
  size_t length = data[0] | size_t{data[1]} << 8;
  Bytes rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  Bytes text = rest.substr(0, length), value = rest.substr(text.size());

  auto schema = PayloadSpec::parse(text);
  if (auto type = TypeSpec::parse(text)) {
    require(schema.ok() && schema->stream->text() == (*type)->text());
  } else {
    require_readable(type.failure().message, 1000);
  }
  if (!schema) {
    require_readable(schema.failure().message, 1000);
    return 0;
  }
  check(*schema->started, value);
  check(*schema->stream, value);
  check(*schema->result, value);
  return 0;
}
