#include "wire/canonical.hpp"

#include "base/ids.hpp"
#include "wire/cursor.hpp"
#include "wire/layout.hpp"
#include "wire/utf8.hpp"

namespace tractor::core::wire {
namespace {

class Reader {
 public:
  explicit Reader(Bytes body) : rest_(body) {}

  bool literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  /// A frame's head and the cid after it.
  bool head(std::string_view expected, std::string_view& cid) {
    if (!literal(expected) || rest_.size() < kUuidLength) return false;
    cid = rest_.substr(0, kUuidLength);
    rest_.remove_prefix(kUuidLength);
    return is_ascii(cid);
  }
  bool text(std::string_view& out) {
    Token token;
    Cursor in(rest_);
    if (!in.next(token) || token.kind != Kind::str || !valid_utf8(token.bytes)) return false;
    out = token.bytes;
    rest_.remove_prefix(rest_.size() - in.remaining());
    return true;
  }
  bool value(Bytes& out) {
    Cursor in(rest_);
    if (!in.value(out, kMaxFrameDepth - 1)) return false;
    rest_.remove_prefix(out.size());
    return true;
  }
  bool text_map(Bytes& out) {
    Cursor in(rest_);
    Token head;
    if (!in.next(head) || head.kind != Kind::map) return false;
    for (uint32_t i = 0; i < head.count; ++i) {
      Token key;
      if (!in.next(key) || key.kind != Kind::str || !valid_utf8(key.bytes) || !in.skip(kMaxFrameDepth - 2))
        return false;
    }
    out = rest_.substr(0, rest_.size() - in.remaining());
    rest_.remove_prefix(out.size());
    return true;
  }
  bool at_end() const { return rest_.empty(); }
  size_t remaining() const { return rest_.size(); }

 private:
  Bytes rest_;
};

template <class T>
bool read_carrier(Reader in, std::string_view head, T& m) {
  return in.head(head, m.cid) && in.literal(kPldKey) && in.value(m.pld) && in.at_end();
}

template <class T>
bool carrier(Reader in, std::string_view head, Message& out) {
  T m{};
  if (!read_carrier(in, head, m)) return false;
  out.emplace<T>(m);
  return true;
}

bool start(Reader in, Message& out) {
  Start m;
  if (!in.head(kStartHead, m.cid) || !in.literal(kNsKey) || !in.text(m.ns) || !in.literal(kFuncKey) ||
      !in.text(m.func) || !in.literal(kKwargsKey) || !in.text_map(m.kwargs) || !in.literal(kUidKey) ||
      !in.text(m.uid.name) || !in.text(m.uid.uuid) || !in.literal(kStartTail) || !in.at_end())
    return false;
  out.emplace<Start>(m);
  return true;
}

bool read_start_ack(Reader in, StartAck& m) {
  if (!in.head(kStartAckHead, m.cid) || !in.literal(kFunctypeKey)) return false;
  if (in.literal(piece("\xa7"
                       "context"))) {
    m.functype = FuncType::context;
  } else if (in.literal(piece("\xa9"
                              "asyncfunc"))) {
    m.functype = FuncType::asyncfunc;
  } else {
    return false;
  }
  return in.at_end();
}

bool start_ack(Reader in, Message& out) {
  StartAck m{};
  if (!read_start_ack(in, m)) return false;
  out.emplace<StartAck>(m);
  return true;
}

bool stop(Reader in, Message& out) {
  Stop m;
  if (!in.head(kStopHead, m.cid) || !in.at_end()) return false;
  out.emplace<Stop>(m);
  return true;
}

bool cancel_ack(Reader in, Message& out) {
  CancelAck m{};
  if (!in.head(kCancelAckHead, m.cid) || !in.literal(kPldKey)) return false;
  m.pld = in.literal("\xc3");
  if ((!m.pld && !in.literal("\xc2")) || !in.at_end()) return false;
  out.emplace<CancelAck>(m);
  return true;
}

}  // namespace

constexpr size_t kTypeLength = 10;  // where the head of msg_type's value lies
constexpr size_t kShortest = kStopHead.size() + kUuidLength;

Frequent looks_like(Bytes body) {
  if (body.size() < kShortest) return Frequent::none;
  switch (static_cast<unsigned char>(body[kTypeLength])) {
    case 0xa5: return body[kTypeLength + 1] == 'Y' ? Frequent::yield : Frequent::start;
    case 0xa6: return Frequent::return_;
    case 0xa8: return Frequent::start_ack;
    default: return Frequent::none;
  }
}

bool decode_canonical(Bytes body, StartAck& out) { return read_start_ack(Reader(body), out); }
bool decode_canonical(Bytes body, Yield& out) { return read_carrier(Reader(body), kYieldHead, out); }
bool decode_canonical(Bytes body, Return& out) { return read_carrier(Reader(body), kReturnHead, out); }

bool StartMemo::recall(Bytes body, Start& out) const {
  if (!target_ || body.size() <= kStartHead.size() + kUuidLength + middle_.size() + tail_.size()) return false;
  Reader in(body);
  std::string_view cid;
  if (!body.ends_with(tail_) || !in.head(kStartHead, cid) || !in.literal(middle_) || !in.text_map(out.kwargs))
    return false;
  out.cid = cid;
  return in.remaining() == tail_.size();
}

void StartMemo::remember(Bytes body, const Start& start, const void* target) {
  target_ = nullptr;
  auto at = static_cast<size_t>(start.kwargs.data() - body.data());
  size_t head = kStartHead.size() + kUuidLength;
  if (start.cid.size() != kUuidLength || !body.starts_with(kStartHead) || at < head ||
      start.kwargs.size() > body.size() - at)
    return;
  middle_ = body.substr(head, at - head);
  tail_ = body.substr(at + start.kwargs.size());
  target_ = target;
}

bool decode_canonical(Bytes body, Message& out) {
  if (body.size() < kShortest) return false;
  Reader in(body);
  switch (static_cast<unsigned char>(body[kTypeLength])) {
    case 0xa4: return stop(in, out);
    case 0xa5: return body[kTypeLength + 1] == 'Y' ? carrier<Yield>(in, kYieldHead, out) : start(in, out);
    case 0xa6: return carrier<Return>(in, kReturnHead, out);
    case 0xa7: return carrier<Started>(in, kStartedHead, out);
    case 0xa8: return start_ack(in, out);
    case 0xa9: return cancel_ack(in, out);
    default: return false;
  }
}

}  // namespace tractor::core::wire
