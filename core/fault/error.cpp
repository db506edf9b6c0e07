#include "fault/error.hpp"

#include <new>

#include "fault/types.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {
namespace {

struct StatusText {
  int number;
  const char *name, *text;
};
constexpr StatusText kStatusTexts[] = {
#define TRACTOR_X_(name, number, text) {number, #name, text},
    TRACTOR_STATUS_MAP(TRACTOR_X_)
#undef TRACTOR_X_
};

const char* status_text(Status code) {
  for (const StatusText& s : kStatusTexts)
    if (s.number == static_cast<int>(code)) return s.text;
  return "unknown status";
}

/// One line of valid UTF-8: what goes on the wire must be, and a reader of one line must not be shown half of two.
std::string one_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  std::string line = wire::to_valid_utf8(text);
  for (char& c : line)
    if (c == '\n' || c == '\r' || c == '\0') c = ' ';
  return line;
}

}  // namespace

Error::Error(Fields&& fields) : f_(std::move(fields)) {
  if (f_.code == Status::ok) f_.code = Status::user;
  if (f_.type.empty()) f_.type = f_.code == Status::remote ? kUnknownType : type_of(static_cast<int>(f_.code));
  f_.type = one_line(f_.type);
  f_.source_type = one_line(f_.source_type);
  f_.message = one_line(f_.message);
  if (f_.message.empty()) f_.message = status_text(f_.code);
  f_.traceback = wire::to_valid_utf8(f_.traceback);

  for (const ActorId& who : f_.relay_path) publish(who);
  source_ = publish_if_set(f_.source);
  sender_ = publish_if_set(f_.sender);
  canceller_ = publish_if_set(f_.canceller);
}

Error::~Error() {
  if (f_.payload_release) f_.payload_release(f_.payload);
}

size_t Error::publish(const ActorId& who) {
  ids_.push_back({who.name.c_str(), who.uuid.c_str(), who.pid});
  return ids_.size() - 1;
}

size_t Error::publish_if_set(const ActorId& who) { return who.empty() ? kNone : publish(who); }

const Error* Error::out_of_memory_object() {
  // Its texts are short enough to need no memory, so that the first use may come when there is none left.
  alignas(Error) static unsigned char place[sizeof(Error)];
  static const Error* object = [] {
    Fields f;
    f.code = Status::no_memory;
    f.message = "out of memory";
    return new (place) Error(std::move(f));
  }();
  return object;
}

Ref<const Error> Error::out_of_memory() noexcept { return Ref<const Error>(out_of_memory_object()); }

void Error::destroy(const Error* self) {
  // Unbalanced unrefs must not reach the static object's storage.
  if (self == out_of_memory_object()) return;
  delete self;
}

Ref<const Error> Error::make(Fields fields) noexcept {
  try {
    return Ref<const Error>::adopt(new Error(std::move(fields)));
  } catch (const std::bad_alloc&) {
    if (fields.payload_release) fields.payload_release(fields.payload);
    return out_of_memory();
  }
}

Ref<const Error> Error::of(Status code, std::string_view message) noexcept {
  return from([&] {
    Fields f;
    f.code = code;
    f.message = message;
    return make(std::move(f));
  });
}

Ref<const Error> Error::of(const Failure& failure) noexcept {
  return from([&] {
    Fields f;
    f.code = failure.code;
    if (failure.type) f.type = failure.type;
    f.message = failure.message;
    return make(std::move(f));
  });
}

Ref<const Error> Error::caused(Status code, std::string message, Ref<const Error> cause) noexcept {
  try {
    Fields f;
    f.code = code;
    f.message = std::move(message);
    if (cause) f.canceller = cause->f_.canceller;
    f.cause = std::move(cause);
    return make(std::move(f));
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

Ref<const Error> Error::group(std::string message, std::vector<Ref<const Error>> members) noexcept {
  if (members.size() == 1) return std::move(members.front());
  try {
    Fields f;
    f.code = Status::group;
    f.message = std::move(message);
    if (f.message.empty()) {
      f.message = std::to_string(members.size()) + " errors";
      if (!members.empty()) f.message += ", first: " + members.front()->message();
    }
    f.members = std::move(members);
    return make(std::move(f));
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

std::string Error::log_text() const noexcept {
  try {
    return format();
  } catch (const std::bad_alloc&) {
    return "(no memory)";
  }
}

int Error::kind() const {
  switch (f_.code) {
    case Status::canceled:
    case Status::ctx_canceled:
    case Status::interrupted: return TRACTOR_KIND_CANCELED;
    case Status::remote:
    case Status::process:
    case Status::no_endpoint: return TRACTOR_KIND_REMOTE;
    case Status::transport:
    case Status::child:
    case Status::registry:
    case Status::eof: return TRACTOR_KIND_TRANSPORT;
    case Status::timed_out: return TRACTOR_KIND_TIMEOUT;
    case Status::msg_type: return TRACTOR_KIND_PROTOCOL;
    case Status::no_memory:
    case Status::again:
    case Status::overrun:
    case Status::lagged:
    case Status::spawn: return TRACTOR_KIND_RESOURCE;
    case Status::group: return TRACTOR_KIND_GROUP;
    case Status::ok:
    case Status::user: return TRACTOR_KIND_USER;
    case Status::invalid:
    case Status::closed:
    case Status::wrong_thread:
    case Status::forked:
    case Status::deadlock:
    case Status::too_new:
    case Status::already:
    case Status::busy:
    case Status::not_supported:
    case Status::unanswered:
    case Status::runtime: break;
  }
  return TRACTOR_KIND_MISUSE;
}

const char* Error::name() const {
  for (const StatusText& s : kStatusTexts)
    if (s.number == static_cast<int>(f_.code)) return s.name;
  return "EUNKNOWN";
}

const char* Error::class_name() const {
  if (f_.remote && f_.type != "ContextCancelled" && f_.type != "MsgTypeError") return "RemoteActorError";
  return f_.type == kUnknownType ? "RemoteActorError" : f_.type.c_str();
}

const Error* Error::root() const {
  const Error* e = this;
  while (e->f_.cause) e = e->f_.cause.get();
  return e;
}

const Error* Error::find(Status code) const {
  for (const Error* e = this; e; e = e->f_.cause.get()) {
    if (e->f_.code == code) return e;
    for (const Ref<const Error>& member : e->f_.members)
      if (const Error* hit = member->find(code)) return hit;
  }
  return nullptr;
}

}  // namespace tractor::core
