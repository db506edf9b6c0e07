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

size_t StartTemplate::size(Bytes kwargs) const {
  return kStartHead.size() + kUuidLength + middle_.size() + (kwargs.empty() ? kEmptyMap : kwargs).size() + tail_.size();
}

void StartTemplate::append(OutBuffer& out, const char* cid, Bytes kwargs) const {
  if (kwargs.empty()) kwargs = kEmptyMap;
  size_t body = size(kwargs);
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

size_t return_size(std::string_view cid, Bytes pld) {
  // The head ends with that of a string of 36 characters: two bytes.
  size_t cid_head = cid.size() < 32 ? 1 : cid.size() <= UINT8_MAX ? 2 : cid.size() <= UINT16_MAX ? 3 : 5;
  return kReturnHead.size() - 2 + cid_head + cid.size() + kPldKey.size() + (pld.empty() ? kNil : pld).size();
}

void append_return(OutBuffer& out, std::string_view cid, Bytes pld) {
  if (cid.size() != kUuidLength) return encode(Return{cid, pld}, out);
  if (pld.empty()) pld = kNil;
  size_t body = return_size(cid, pld);
  char* p = out.reserve(kPrefix + body);
  write_prefix(p, static_cast<uint32_t>(body));
  p = put(p + kPrefix, kReturnHead);
  p = put(p, cid);
  p = put(p, kPldKey);
  put(p, pld);
  out.commit(kPrefix + body);
}

size_t started_size(std::string_view cid, Bytes pld) { return return_size(cid, pld) + 1; }

std::string yield_head(std::string_view cid) {
  OutBuffer out;
  encode(Yield{cid, kNil}, out);
  return std::string(out.view().substr(0, out.size() - kNil.size()));
}

void append_yield(OutBuffer& out, std::string_view head, Bytes pld) {
  if (pld.empty()) pld = kNil;
  char* p = out.reserve(head.size() + pld.size());
  std::memcpy(p, head.data(), head.size());
  write_prefix(p, static_cast<uint32_t>(head.size() - kPrefix + pld.size()));
  put(p + head.size(), pld);
  out.commit(head.size() + pld.size());
}

}  // namespace tractor::core::wire
