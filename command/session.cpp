#include "command/session.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "command/output.hpp"
#include "command/root.hpp"
#include "command/sentry.hpp"

namespace tractor::command {

int Session::run(std::function<void()> body) {
  body_ = std::move(body);
  RootOptions options(common_);
  options->name = "tractor";
  options->flags = TRACTOR_ROOT_SIGNALS | TRACTOR_ROOT_CLIENT;
  int opened = tractor_actor_open(options.get(), on_up, on_end, this, &actor_);
  if (opened != TRACTOR_OK) {
    complain(tractor_strerror(opened));
    return kUsage;
  }
  Sentry sentry(actor_, ends_with_reader_ ? STDOUT_FILENO : Sentry::kNobody, common_.timeout_ns(),
                [this](Sentry::What what) {
                  if (what == Sentry::late)
                    fail(kTimeout, too_late(common_));
                  else
                    stop();
                });
  tractor_actor_run(actor_);
  return status_;
}

void Session::on_up(tractor_nursery* root, void* self) { static_cast<Session*>(self)->start(root); }

void Session::start(tractor_nursery* root) {
  work_ = tractor_nursery_open(root, nullptr, on_work_end, this);
  body_();
  tractor_nursery_close(work_);
}

void Session::on_work_end(const tractor_error* err, void* user) {
  auto& self = *static_cast<Session*>(user);
  self.work_ = nullptr;
  self.fail(err, "");
  tractor_actor_close(self.actor_);
}

void Session::on_end(const tractor_error* err, void* user) {
  auto& self = *static_cast<Session*>(user);
  if (int interrupted = interrupt_status(err))
    self.status_ = interrupted;
  else if (tractor_error_code(err) == TRACTOR_EREGISTRY)
    self.no_registrar(err);
  else
    self.fail(err, "");
}

void Session::no_registrar(const tractor_error* err) {
  if (needs_registrar_)
    fail(kNoRegistrar,
         std::string(tractor_error_message(err)) + ": start one with 'tractor run', or name another with --registry");
}

void Session::look_for(const std::string& name, std::function<void(tractor_portal*)> then) {
  tractor_find_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = kPatience;
  PortalCompletion found([this, then](const tractor_error* err, tractor_portal* portal) {
    Status status = status_of(err);
    if (err && status != kLost && status != kTimeout) return fail(err, "");
    then(portal);
  });
  found.started(tractor_find_actor(work_, name.c_str(), &options, found.fn, found.user()));
}

void Session::find(const std::string& name, std::function<void(tractor_portal*)> then) {
  PortalCompletion found([this, name, then](const tractor_error* err, tractor_portal* portal) {
    if (err) return fail(err, "find " + name);
    if (!portal) return fail(kNobody, "nobody is called '" + shown(name) + "' at " + registry_text(common_));
    then(portal);
  });
  found.started(tractor_find_actor(work_, name.c_str(), nullptr, found.fn, found.user()));
}

void Session::registrar(const char* address, std::function<void(tractor_portal*)> then) {
  PortalCompletion found([this, then](const tractor_error* err, tractor_portal* portal) {
    if (err) return fail(err, "");
    then(portal);
  });
  found.started(tractor_get_registry(work_, address, nullptr, found.fn, found.user()));
}

void Session::ask(tractor_portal* portal, const char* func, tractor_bytes args, ValueCompletion::Function then) {
  ValueCompletion answered(std::move(then));
  answered.started(
      tractor_portal_run_from_ns(portal, work_, "self", func, args, nullptr, answered.fn, answered.user()));
}

bool Session::print(std::string_view line) {
  int error = write_line(line);
  if (error == 0) return true;
  if (error == EPIPE)
    stop();  // the reader has had enough
  else
    fail(kFailed, std::string("can't write the output: ") + std::strerror(error));
  return false;
}

void Session::fail(const tractor_error* err, const std::string& what) {
  // Whoever cancelled knows why, and says so.
  if (!err || tractor_error_code(err) == TRACTOR_ECANCELED) return;
  bool first = status_ == kOk;
  fail(status_of(err), (what.empty() ? what : what + ": ") + tractor_error_message(err));
  if (first && common_.verbose) tell_in_full(err);
}

void Session::fail(Status status, const std::string& message) {
  if (status_ == kOk) {
    status_ = status;
    complain(message);
  }
  stop();
}

void Session::stop() {
  if (work_)
    tractor_nursery_cancel(work_, nullptr);
  else
    tractor_actor_cancel_soon(actor_);  // which may not be up yet
}

Status status_of(const tractor_error* err) {
  switch (tractor_error_code(err)) {
    case TRACTOR_OK: return kOk;
    case TRACTOR_EREGISTRY: return kNoRegistrar;
    case TRACTOR_ETIMEDOUT: return kTimeout;
    case TRACTOR_ECTXCANCELED: return kCancelled;
    case TRACTOR_ETRANSPORT: return kLost;
    case TRACTOR_EINVAL: return kUsage;
    default: return kFailed;
  }
}

std::string too_late(const Common& common) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%g", common.timeout);
  return std::string("not done within ") + seconds + " s";
}

std::string registry_text(const Common& common) {
  if (common.registry.empty())
    return common.transport == "uds" ? "registry@1616.sock in the runtime directory" : "/ip4/127.0.0.1/tcp/1616";
  std::string text;
  for (const std::string& address : common.registry) text += (text.empty() ? "" : ", ") + address;
  return text;
}

int interrupt_status(const tractor_error* err) {
  if (tractor_error_code(err) != TRACTOR_EINTERRUPTED) return 0;
  return std::strstr(tractor_error_message(err), "SIGTERM") ? kTerminate : kInterrupt;
}

}  // namespace tractor::command
