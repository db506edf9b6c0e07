#include "wire/pack.hpp"

#include <cstring>
#include <new>

#include <tractor/types.h>

#include "wire/cursor.hpp"
#include "wire/format.hpp"
#include "wire/packer.hpp"
#include "wire/payload.hpp"
#include "wire/scratch.hpp"
#include "wire/value.hpp"

namespace tractor::core {
namespace {

/// Where a value grows before its size is known; kept, because most are small and made often.
constexpr size_t kKeptBuffer = 64 * 1024;

class FormatPacker {
 public:
  FormatPacker(const char* format, va_list args, OutBuffer& out) : format_(format), packer_(out) {
    va_copy(args_, args);
  }
  FormatPacker(const FormatPacker&) = delete;
  FormatPacker& operator=(const FormatPacker&) = delete;
  ~FormatPacker() { va_end(args_); }

  /// The reason why not, or an empty string.
  std::string run() {
    if (value(0) && format_.peek() != '\0') fail(format_.complain("a second value begins"));
    return std::move(error_);
  }

 private:
  bool fail(std::string why) {
    error_ = "pack: " + std::move(why);
    return false;
  }

  bool value(size_t depth) {
    char c = format_.take();
    switch (c) {
      case 's': return text();
      case 'i': packer_.integer(int64_t{va_arg(args_, int)}); return true;
      case 'I': packer_.integer(va_arg(args_, int64_t)); return true;
      case 'U': packer_.integer(va_arg(args_, uint64_t)); return true;
      case 'd': packer_.real(va_arg(args_, double)); return true;
      case 'b': packer_.boolean(va_arg(args_, int) != 0); return true;
      case 'n': packer_.nil(); return true;
      case 'y': return bytes();
      case 'v': return raw(depth);
      case '{':
      case '[': return container(c, depth);
      default: return fail(format_.complain_letter(c));
    }
  }

  bool text() {
    const char* s = va_arg(args_, const char*);
    if (!s) return fail(format_.complain("the string is NULL"));
    std::string_view view(s);
    if (view.size() > wire::kMaxLength) return fail(format_.complain("the string is longer than 4 GiB"));
    if (!wire::valid_utf8(view)) return fail(format_.complain("the string is not UTF-8"));
    packer_.str(view);
    return true;
  }

  bool bytes() {
    const void* data = va_arg(args_, const void*);
    size_t len = va_arg(args_, size_t);
    if (!data && len > 0) return fail(format_.complain("the bytes are NULL"));
    if (len > wire::kMaxLength) return fail(format_.complain("the bytes are longer than 4 GiB"));
    packer_.bin({static_cast<const char*>(data), len});
    return true;
  }

  bool raw(size_t depth) {
    const tractor_bytes* given = va_arg(args_, const tractor_bytes*);
    if (!given) return fail(format_.complain("the value is NULL"));
    Bytes value(static_cast<const char*>(given->data), given->len);
    if (is_memory_poison(value)) throw std::bad_alloc();
    if (const char* reason = poison_text(value)) {
      error_ = reason;
      return false;
    }
    const char* fault = payload_fault(value);
    if (!fault && !value.empty()) fault = wire::check_one_value(value, wire::kMaxDepth - depth);
    if (fault) return fail(format_.complain(std::string("the value ") + fault));
    packer_.raw(value.empty() ? kNil : value);
    return true;
  }

  bool container(char open, size_t depth) {
    size_t count = 0;
    if (depth == wire::kMaxFormatDepth) return fail(format_.complain("brackets nest too deeply"));
    if (!format_.count_values(count)) return fail(format_.complain("a bracket is not closed"));
    if (open == '[') {
      packer_.array(count);
    } else {
      if (count % 2 != 0) return fail(format_.complain("the map has a key without a value"));
      packer_.map(count / 2);
    }
    for (size_t i = 0; i < count; ++i)
      if (!value(depth + 1)) return false;
    return format_.take(open == '[' ? ']' : '}') || fail(format_.complain("the wrong bracket closes"));
  }

  wire::Format format_;
  wire::Packer packer_;
  va_list args_;
  std::string error_;
};

}  // namespace

Bytes pack_values(const char* format, va_list args) noexcept {
  try {
    if (!format) return kNil;
    static thread_local OutBuffer growing;
    growing.clear();
    std::string error = FormatPacker(format, args, growing).run();
    if (!error.empty()) return make_poison(scratch_text(error));
    auto* copy = static_cast<char*>(scratch_alloc(growing.size()));
    size_t size = growing.size();
    std::memcpy(copy, growing.data(), size);
    growing.clear();
    if (growing.capacity() > kKeptBuffer) growing.release();
    return {copy, size};
  } catch (const std::bad_alloc&) {
    return memory_poison();
  }
}

}  // namespace tractor::core
