#include "fault/box.hpp"

#include "fault/types.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

namespace tractor::core {
namespace {

constexpr std::string_view kRelayed = "RemoteActorError";

/// A foreign error that is passed on for the first time: its source is still known and stays.
bool first_relay(const Error& e) {
  const Error::Fields& f = e.fields();
  return f.remote && e.class_name() == kRelayed && f.type != kRelayed && known_error_type(f.type);
}

wire::Uid uid(const ActorId& id) { return {id.name, id.uuid}; }

std::optional<wire::Uid> optional_uid(const ActorId& id) {
  if (id.empty()) return std::nullopt;
  return uid(id);
}

}  // namespace

BoxedError::BoxedError(const Error& error, const ActorId& self, std::string_view cid) : cid_(cid) {
  const Error::Fields& f = error.fields();
  if (first_relay(error)) {
    source_ = f.source;
    source_type_ = error.source_type();
    type_ = kRelayed;
  } else {
    source_ = f.remote || f.source.empty() ? self : f.source;
    // A local error travels under the type it was given; a relayed one under that of its class.
    source_type_ = type_ = error.class_name();
  }
  message_ = f.message;
  traceback_ = traceback_text(error, self);
  path_ = f.relay_path;
  path_.push_back(self);
  sender_ = f.sender;
  canceller_ = f.canceller;
  // Who cancelled must stand in a cancellation: its receiver tells its own from others' by it.
  if (canceller_.empty() && type_ == "ContextCancelled") canceller_ = self;

  msg_.src_uid = uid(source_);
  msg_.src_type = source_type_;
  msg_.boxed_type = type_;
  for (const ActorId& id : path_) msg_.relay_path.push_back(uid(id));
  msg_.message = message_;
  msg_.tb = traceback_;
  msg_.canceller = optional_uid(canceller_);
  msg_.sender = optional_uid(sender_);
  if (!cid_.empty()) msg_.cid = cid_;
  msg_.bad_msg = msg_.bad_msg_as_dict = kNil;
}

namespace {

ActorId actor_id(const wire::Uid& uid, const ActorId& peer) {
  return {std::string(uid.name), std::string(uid.uuid), uid.uuid == peer.uuid ? peer.pid : 0};
}

/// The end of a traceback, "ValueError: text", without the module that Python puts before foreign types. Text of
/// several lines or with decoration below it: the last line that names the type; else the last line with anything.
std::string told_by_traceback(std::string_view tb, std::string_view type) {
  std::string_view last;
  while (!tb.empty()) {
    size_t start = tb.rfind('\n');
    start = start == tb.npos ? 0 : start + 1;
    std::string_view line = tb.substr(start);
    tb = start == 0 ? std::string_view() : tb.substr(0, start - 1);
    size_t from = line.find_first_not_of(" \t|");
    if (from == line.npos) continue;
    line.remove_prefix(from);
    if (last.empty()) last = line;
    size_t at = line.find(type);
    bool own_word = at != line.npos && (at == 0 || line[at - 1] == '.') && line.find(' ') >= at;
    std::string_view rest = own_word ? line.substr(at + type.size()) : std::string_view("?");
    if (!type.empty() && (rest.empty() || rest.starts_with(':'))) return std::string(line.substr(at));
  }
  return std::string(last);
}

std::string flatten(std::string_view text) {
  std::string line;
  for (char c : text) {
    bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

/// What a reader wants to know in one line. Python's own `message` of a relayed error says no more than its type;
/// then the traceback is better.
std::string told_message(const wire::ErrorMsg& msg, Status code) {
  std::string told = flatten(msg.message.value_or(""));
  if (told.starts_with("remote task raised a '")) told.clear();
  if (told.empty()) told = told_by_traceback(msg.tb, msg.src_type == kRelayed ? std::string_view() : msg.src_type);
  if (told.empty()) return "remote task raised a '" + std::string(msg.boxed_type) + "'";
  // The other codes say by themselves what the type is.
  std::string prefix = std::string(msg.src_type) + ": ";
  bool bare = code == Status::remote && msg.src_type != kRelayed && !msg.src_type.empty();
  return bare && told != msg.src_type && !told.starts_with(prefix) ? prefix + told : told;
}

}  // namespace

ErrorRef unbox(const wire::ErrorMsg& msg, const ActorId& peer) {
  Error::Fields f;
  f.code = static_cast<Status>(status_of(msg.boxed_type));
  f.type = msg.boxed_type;
  f.source_type = msg.src_type;
  f.message = told_message(msg, f.code);
  f.traceback = msg.tb;
  f.source = actor_id(msg.src_uid, peer);
  if (msg.sender) f.sender = actor_id(*msg.sender, peer);
  if (msg.canceller) {
    f.canceller = actor_id(*msg.canceller, peer);
  } else if (f.code == Status::ctx_canceled) {
    f.canceller = f.source;  // every cancellation has a name on it, if only that of the actor that was cancelled
  }
  for (const wire::Uid& uid : msg.relay_path) f.relay_path.push_back(actor_id(uid, peer));
  f.remote = true;
  return Error::make(std::move(f));
}

}  // namespace tractor::core
