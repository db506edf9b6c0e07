#include <algorithm>
#include <utility>

#include "wire/cursor.hpp"
#include "wire/type_place.hpp"
#include "wire/type_spec.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

namespace tractor::core {
namespace {

using wire::Cursor;
using wire::Kind;
using wire::Place;
using wire::Token;
using wire::TypeNode;
using Op = TypeNode::Op;

/// With nowhere to report to it only answers yes or no: that is how the alternatives of a union are tried.
class Checker {
 public:
  Checker(Bytes value, Mismatch* out) : in_(value), end_(value.data() + value.size()), out_(out) {}

  bool value(const TypeNode& type, const Place& at) {
    const char* start = in_.position();
    Token head;
    return in_.next(head) ? match(type, head, start, at) : wrong(type, start, at);
  }
  bool at_end() const { return in_.at_end(); }

 private:
  /// `head` was read from `start`; what is inside of a container is still to come.
  bool match(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    bool fits = false;
    switch (type.op) {
      case Op::any: fits = pass(head); break;
      case Op::nil: fits = head.kind == Kind::nil; break;
      case Op::boolean: fits = head.kind == Kind::boolean; break;
      case Op::integer: fits = head.is_integer(); break;
      case Op::real: fits = head.kind == Kind::real || head.is_integer(); break;
      case Op::str: fits = head.kind == Kind::str && wire::valid_utf8(head.bytes); break;
      case Op::bytes: fits = head.kind == Kind::bin; break;
      case Op::this_text: fits = head.kind == Kind::str && head.bytes == type.text; break;
      case Op::this_int:
        fits = head.kind == (type.negative ? Kind::negative : Kind::integer) && integer_bits(head) == type.number;
        break;
      case Op::ext: fits = head.kind == Kind::ext; break;
      case Op::ext_number: fits = head.kind == Kind::ext && head.ext_type == static_cast<int64_t>(type.number); break;
      case Op::ext_type: return registered(type, head, start, at);
      case Op::list: return head.kind == Kind::array ? list(type, head, start, at) : wrong(type, start, at);
      case Op::tuple: return head.kind == Kind::array ? tuple(type, head, start, at) : wrong(type, start, at);
      case Op::dict: return head.kind == Kind::map ? dict(type, head, start, at) : wrong(type, start, at);
      case Op::record: return head.kind == Kind::map ? record(type, head, at) : wrong(type, start, at);
      case Op::either: return either(type, head, start, at);
    }
    return fits || wrong(type, start, at);
  }

  static TypeNode of(Op op) {
    TypeNode node;
    node.op = op;
    return node;
  }

  static uint64_t integer_bits(const Token& t) {
    return t.kind == Kind::integer ? t.integer : static_cast<uint64_t>(t.negative);
  }

  /// Over what is inside of a container.
  bool pass(const Token& head) {
    if (!head.is_container()) return true;
    uint64_t n = head.kind == Kind::map ? 2 * uint64_t{head.count} : head.count;
    while (n > 0 && in_.skip()) --n;
    return n == 0;
  }

  bool registered(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    if (head.kind != Kind::ext || head.ext_type != type.type->number) return wrong(type, start, at);
    if (!type.type->check) return true;
    int status = type.type->check(head.bytes.data(), head.bytes.size(), type.type->user);
    if (status == TRACTOR_OK) return true;
    wrong(type, start, at);
    if (out_) out_->found += ", which its check refuses with " + std::to_string(status);
    return false;
  }

  bool list(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    if (type.parts.empty()) return pass(head) || wrong(type, start, at);
    for (uint32_t i = 0; i < head.count; ++i)
      if (!value(type.parts[0], Place{&at, Place::Step::element, {}, i})) return false;
    return true;
  }

  bool tuple(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    if (head.count != type.parts.size()) return wrong(type, start, at);
    for (uint32_t i = 0; i < head.count; ++i)
      if (!value(type.parts[i], Place{&at, Place::Step::element, {}, i})) return false;
    return true;
  }

  bool dict(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    if (type.parts.empty()) return pass(head) || wrong(type, start, at);
    for (uint32_t i = 0; i < head.count; ++i) {
      const char* key = in_.position();
      if (!value(type.parts[0], Place{&at, Place::Step::key_of})) return false;
      Bytes key_bytes(key, static_cast<size_t>(in_.position() - key));
      if (!value(type.parts[1], Place{&at, Place::Step::value_of, key_bytes})) return false;
    }
    return true;
  }

  bool record(const TypeNode& type, const Token& head, const Place& at) {
    uint64_t seen[wire::kMaxFields / 64];
    std::fill_n(seen, (type.parts.size() + 63) / 64, 0);
    size_t hint = 0;
    for (uint32_t i = 0; i < head.count; ++i) {
      const char* start = in_.position();
      Token key;
      if (!in_.next(key) || key.kind != Kind::str) return wrong(of(Op::str), start, Place{&at, Place::Step::key_of});
      const Place inside{&at, Place::Step::field, key.bytes};
      const TypeNode* field = type.field(key.bytes, hint);
      if (!field) {
        if (!in_.skip()) return wrong(of(Op::any), in_.position(), inside);
        continue;
      }
      auto which = static_cast<size_t>(field - type.parts.data());
      seen[which / 64] |= uint64_t{1} << which % 64;
      if (!value(*field, inside)) return false;
    }
    for (size_t i = 0; i < type.parts.size(); ++i) {
      const TypeNode& field = type.parts[i];
      if (field.optional || (seen[i / 64] >> i % 64 & 1)) continue;
      return wrong(field, Place{&at, Place::Step::field, field.name}, [] { return std::string("nothing"); });
    }
    return true;
  }

  bool either(const TypeNode& type, const Token& head, const char* start, const Place& at) {
    const Cursor after = in_;
    Mismatch* out = std::exchange(out_, nullptr);
    bool fits = false;
    for (size_t i = 0; i < type.parts.size() && !fits; ++i) {
      in_ = after;
      fits = match(type.parts[i], head, start, at);
    }
    out_ = out;
    if (fits || !out_) return fits;
    // "Struct | None" should say which field of the struct was wrong.
    in_ = after;
    const TypeNode* meant = meant_by(type, head);
    return meant ? match(*meant, head, start, at) : wrong(type, start, at);
  }

  /// The alternative that a container or extension was meant for, if there is just one.
  static const TypeNode* meant_by(const TypeNode& type, const Token& head) {
    const TypeNode* meant = nullptr;
    for (const TypeNode& part : type.parts) {
      bool takes = false;
      if (head.kind == Kind::map) takes = part.op == Op::dict || part.op == Op::record;
      if (head.kind == Kind::array) takes = part.op == Op::list || part.op == Op::tuple;
      if (head.kind == Kind::ext) takes = part.op == Op::ext_type && part.type->number == head.ext_type;
      if (takes && meant) return nullptr;
      if (takes) meant = &part;
    }
    return meant;
  }

  bool wrong(const TypeNode& type, const char* start, const Place& at) {
    return wrong(type, at, [&] { return wire::found_text(Bytes(start, static_cast<size_t>(end_ - start))); });
  }
  template <class Found>
  bool wrong(const TypeNode& type, const Place& at, Found found) {
    if (out_) *out_ = Mismatch{wire::path_of(at), type.to_text(), found()};
    return false;
  }

  Cursor in_;
  const char* end_;
  Mismatch* out_;
};

}  // namespace

std::optional<Mismatch> TypeSpec::check(Bytes value) const {
  Mismatch mismatch;
  Checker checker(value.empty() ? kNil : value, &mismatch);
  if (!checker.value(root_, Place{})) return mismatch;
  if (!checker.at_end()) return Mismatch{"$", text_, "a value that has bytes after its end"};
  return std::nullopt;
}

}  // namespace tractor::core
