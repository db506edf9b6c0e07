// Bodies in any layout. The whole body is checked for being one msgpack value first, so that the readers of fields
// only meet well-formed input.
#include "wire/canonical.hpp"
#include "wire/fields.hpp"
#include "wire/message.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

namespace tractor::core::wire {
namespace {

using Decoded = std::variant<Message, DecodeError>;
using Names = std::span<const std::string_view>;

template <class T>
bool keep(Message& out, T&& message) {
  out = std::forward<T>(message);
  return true;
}

constexpr std::string_view kAid[] = {"name", "uuid", "pid", "is_registrar", "is_probe", "ext"};
bool decode_aid(const Fields& f, Message& out) {
  Aid m;
  bool good = f.text(0, m.name) && f.text(1, m.uuid) && f.nullable_int(2, m.pid) &&
              f.nullable_boolean(3, m.is_registrar) && (!f.present(4) || f.boolean(4, m.is_probe)) &&
              f.nullable_map(5, m.ext);
  return good && keep(out, m);
}

constexpr std::string_view kSpawnSpec[] = {"_parent_main_data", "_runtime_vars", "enable_modules", "reg_addrs",
                                           "bind_addrs"};
bool decode_spawn_spec(const Fields& f, Message& out) {
  SpawnSpec m;
  bool good = f.text_map(0, m.parent_main_data) && f.text_map(1, m.runtime_vars) && f.text_pairs(2, m.enable_modules) &&
              f.addrs(3, m.reg_addrs) && f.required(4) && (f.is_nil(4) || f.addrs(4, m.bind_addrs.emplace()));
  return good && keep(out, std::move(m));
}

constexpr std::string_view kStart[] = {"cid", "ns", "func", "kwargs", "uid", "pld_spec"};
bool decode_start(const Fields& f, Message& out) {
  Start m;
  std::string_view pld_spec;  // has to be text, and means nothing
  bool good = f.text(0, m.cid) && f.text(1, m.ns) && f.text(2, m.func) && f.text_map(3, m.kwargs) && f.uid(4, m.uid) &&
              f.optional_text(5, pld_spec);
  return good && keep(out, m);
}

constexpr std::string_view kStartAck[] = {"cid", "functype"};
bool decode_start_ack(const Fields& f, Message& out) {
  StartAck m{};
  std::string_view type;
  if (!f.text(0, m.cid) || !f.text(1, type)) return false;
  for (FuncType known : {FuncType::asyncfunc, FuncType::asyncgen, FuncType::context}) {
    if (type != functype_name(known)) continue;
    m.functype = known;
    return keep(out, m);
  }
  return f.wrong(1, "'asyncfunc', 'asyncgen' or 'context'");
}

constexpr std::string_view kCarrier[] = {"cid", "pld"};
template <class T>
bool decode_carrier(const Fields& f, Message& out) {
  T m{};
  return f.text(0, m.cid) && f.any(1, m.pld) && keep(out, m);
}

constexpr std::string_view kStop[] = {"cid", "err"};
bool decode_stop(const Fields& f, Message& out) {
  Stop m;
  return f.text(0, m.cid) && (!f.present(1) || f.boolean(1, m.because_of_error)) && keep(out, m);
}

constexpr std::string_view kCredit[] = {"cid", "bytes"};
bool decode_credit(const Fields& f, Message& out) {
  Credit m{};
  return f.text(0, m.cid) && f.integer(1, m.bytes) && keep(out, m);
}

bool decode_cancel_ack(const Fields& f, Message& out) {
  CancelAck m{};
  return f.text(0, m.cid) && f.boolean(1, m.pld) && keep(out, m);
}

/// The message that an Error complains of: a whole Started, Yield or Return.
bool check_bad_msg(const Fields& error_msg, size_t field, DecodeError& error) {
  static constexpr std::string_view kNames[] = {"msg_type", "cid", "pld"};
  Bytes map, pld;
  if (!error_msg.nullable_map(field, map)) return false;
  if (map.empty()) return true;
  Path at = error_msg.path(field);
  Fields f(at, kNames, error);
  std::string_view type, cid;
  if (!f.collect(map) || !f.text(0, type) || !f.text(1, cid) || !f.any(2, pld)) return false;
  if (type == "Started" || type == "Yield" || type == "Return") return true;
  return f.wrong(0, "'Started', 'Yield' or 'Return'");
}

constexpr std::string_view kError[] = {"src_uid", "src_type_str", "boxed_type_str",  "relay_path",
                                       "message", "tb_str",       "canceller",       "sender",
                                       "cid",     "_bad_msg",     "_bad_msg_as_dict"};
bool decode_error(const Fields& f, DecodeError& error, Message& out) {
  ErrorMsg m;
  m.bad_msg = m.bad_msg_as_dict = kNil;
  bool good = f.uid(0, m.src_uid) && f.text(1, m.src_type) && f.text(2, m.boxed_type) && f.uids(3, m.relay_path) &&
              f.nullable_text(4, m.message) && f.optional_text(5, m.tb) && f.nullable_uid(6, m.canceller) &&
              f.nullable_uid(7, m.sender) && f.nullable_text(8, m.cid) && check_bad_msg(f, 9, error) &&
              f.nullable_map(9, m.bad_msg) && f.nullable_map(10, m.bad_msg_as_dict);
  return good && keep(out, std::move(m));
}

struct Type {
  std::string_view name;
  Names fields;
  bool (*decode)(const Fields&, Message&);
};
constexpr Type kTypes[] = {
    // in the order of Message
    {"Aid", kAid, decode_aid},
    {"SpawnSpec", kSpawnSpec, decode_spawn_spec},
    {"Start", kStart, decode_start},
    {"StartAck", kStartAck, decode_start_ack},
    {"Started", kCarrier, decode_carrier<Started>},
    {"Yield", kCarrier, decode_carrier<Yield>},
    {"Stop", kStop, decode_stop},
    {"Return", kCarrier, decode_carrier<Return>},
    {"CancelAck", kCarrier, decode_cancel_ack},
    {"Error", kError, nullptr},
    {"Credit", kCredit, decode_credit},
};

DecodeError failure(DecodeError::Kind kind, std::string message) { return {kind, std::move(message), {}}; }

/// Finds the text under `name` on the outermost level; empty if there is none.
std::string_view find_text(Bytes body, std::string_view name) {
  Cursor in(body);
  Token head;
  in.next(head);
  for (uint32_t i = 0; i < head.count; ++i) {
    Bytes key_bytes, value;
    in.value(key_bytes);
    in.value(value);
    Token key, text;
    Cursor(key_bytes).next(key);
    Cursor(value).next(text);
    if (key.kind == Kind::str && key.bytes == name && text.kind == Kind::str && valid_utf8(text.bytes))
      return text.bytes;
  }
  return {};
}

Decoded decode_any_layout(Bytes body) {
  Cursor whole(body);
  if (!whole.skip()) return failure(DecodeError::malformed, std::string("frame ") + whole.fault_text());
  if (!whole.at_end()) return failure(DecodeError::malformed, "frame has bytes after its value");

  Token head;
  Cursor(body).next(head);
  if (head.kind != Kind::map) return failure(DecodeError::not_a_message, "expected a map, found " + head.describe());

  static constexpr std::string_view kMsgType[] = {"msg_type"};
  DecodeError error{DecodeError::not_a_message, {}, {}};
  Path top{nullptr, "message", 0};
  Fields envelope(top, kMsgType, error);
  std::string_view name;
  envelope.collect(body);
  if (error.kind == DecodeError::malformed) return error;
  if (!envelope.present(0) || !envelope.text(0, name)) {
    if (!envelope.present(0)) error.message = "msg_type is missing";
    if (error.kind == DecodeError::bad_field) error.kind = DecodeError::not_a_message;
    return error;
  }
  for (const Type& type : kTypes) {
    if (type.name != name) continue;
    Path at{nullptr, type.name, 0};
    Fields fields(at, type.fields, error);
    Message message;
    bool good =
        fields.collect(body) && (type.decode ? type.decode(fields, message) : decode_error(fields, error, message));
    if (good) return message;
    if (error.kind == DecodeError::bad_field) error.cid = find_text(body, "cid");
    return error;
  }
  Token found;
  found.kind = Kind::str;
  found.bytes = name;
  return failure(DecodeError::not_a_message, "unknown msg_type: " + found.describe());
}

}  // namespace

Decoded decode(Bytes body) {
  Decoded result;
  if (decode_canonical(body, *std::get_if<Message>(&result))) return result;
  return decode_any_layout(body);
}

const char* functype_name(FuncType type) {
  switch (type) {
    case FuncType::asyncfunc: return "asyncfunc";
    case FuncType::asyncgen: return "asyncgen";
    case FuncType::context: return "context";
  }
  return "";
}

const char* message_name(const Message& message) { return kTypes[message.index()].name.data(); }

}  // namespace tractor::core::wire
