// Frames written from prepared pieces. What they write is, byte for byte, what encode() writes.
#include <cstring>

#include "base/ids.hpp"
#include "wire/layout.hpp"
#include "wire/message.hpp"
#include "wire/packer.hpp"
#include "wire/value.hpp"

namespace tractor::core::wire {
namespace {

char* put(char* to, std::string_view piece) {
  std::memcpy(to, piece.data(), piece.size());
  return to + piece.size();
}

}  // namespace

StartTemplate::StartTemplate(std::string_view ns, std::string_view func, Uid caller) : ns_(ns), func_(func) {
  OutBuffer middle, tail;
  Packer m(middle), t(tail);
  m.raw(kNsKey);
  m.text(ns);
  m.raw(kFuncKey);
  m.text(func);
  m.raw(kKwargsKey);
  t.raw(kUidKey);
  t.text(caller.name);
  t.text(caller.uuid);
  t.raw(kStartTail);
  middle_ = middle.view();
  tail_ = tail.view();
}

void StartTemplate::append(OutBuffer& out, const char* cid, Bytes kwargs) const {
  if (kwargs.empty()) kwargs = kEmptyMap;
  size_t body = kStartHead.size() + kUuidLength + middle_.size() + kwargs.size() + tail_.size();
  char* p = out.reserve(kPrefix + body);
  write_prefix(p, static_cast<uint32_t>(body));
  p = put(p + kPrefix, kStartHead);
  p = put(p, {cid, kUuidLength});
  p = put(p, middle_);
  p = put(p, kwargs);
  put(p, tail_);
  out.commit(kPrefix + body);
}

void append_start_ack(OutBuffer& out, std::string_view cid, FuncType type) {
  if (cid.size() != kUuidLength) return encode(StartAck{cid, type}, out);
  std::string_view name = functype_name(type);
  size_t body = kStartAckHead.size() + kUuidLength + kFunctypeKey.size() + 1 + name.size();
  char* p = out.reserve(kPrefix + body);
  write_prefix(p, static_cast<uint32_t>(body));
  p = put(p + kPrefix, kStartAckHead);
  p = put(p, cid);
  p = put(p, kFunctypeKey);
  *p++ = static_cast<char>(0xa0 | name.size());
  put(p, name);
  out.commit(kPrefix + body);
}

void append_return(OutBuffer& out, std::string_view cid, Bytes pld) {
  if (cid.size() != kUuidLength) return encode(Return{cid, pld}, out);
  if (pld.empty()) pld = kNil;
  size_t body = kReturnHead.size() + kUuidLength + kPldKey.size() + pld.size();
  char* p = out.reserve(kPrefix + body);
  write_prefix(p, static_cast<uint32_t>(body));
  p = put(p + kPrefix, kReturnHead);
  p = put(p, cid);
  p = put(p, kPldKey);
  put(p, pld);
  out.commit(kPrefix + body);
}

}  // namespace tractor::core::wire
