// A visit to the actors under a registrar: an actor is opened, does one thing, and ends with an exit status.
#pragma once

#include <functional>
#include <string>
#include <tractor.h>

#include "command/common.hpp"
#include "command/completion.hpp"
#include "command/status.hpp"

namespace tractor::command {

/// For actors that may be stopped or blocked, where one of them must not hold up what is said about the others.
constexpr int64_t kPatience = TRACTOR_SECOND;

class Session {
 public:
  explicit Session(const Common& common) : common_(common) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Without a registrar the body is left out, and that is no error.
  void allow_no_registrar() { needs_registrar_ = false; }
  /// It ends, and well, when nobody reads stdout any more: for what may wait long before it writes.
  void end_with_reader() { ends_with_reader_ = true; }
  /// Runs `body` once the actor is up, and returns when all that it started has ended: the exit status.
  int run(std::function<void()> body);

  /// The nursery of what the body starts.
  tractor_nursery* nursery() const { return work_; }
  tractor_actor* actor() const { return actor_; }

  /// Finds an actor by name or uuid. If there is none, the session ends with kNobody.
  void find(const std::string& name, std::function<void(tractor_portal*)> then);
  /// The same; nullptr if there is none, or if it does not answer within kPatience.
  void look_for(const std::string& name, std::function<void(tractor_portal*)> then);
  /// A portal to the registrar: at that address, or, if it is null, to our own.
  void registrar(const char* address, std::function<void(tractor_portal*)> then);
  /// Asks one of the runtime's own end points.
  void ask(tractor_portal* portal, const char* func, tractor_bytes args, ValueCompletion::Function then);

  /// Writes a line to stdout. False if that can't be done: then the session ends.
  bool print(std::string_view line);
  /// Ends the session with an error: the first is the one that is told. Null, and that it was cancelled, are none.
  void fail(const tractor_error* err, const std::string& what);
  void fail(Status status, const std::string& message);
  /// Ends the session, as it stands.
  void stop();

 private:
  static void on_up(tractor_nursery* root, void* self);
  static void on_work_end(const tractor_error* err, void* self);
  static void on_end(const tractor_error* err, void* self);
  void start(tractor_nursery* root);
  void no_registrar(const tractor_error* err);

  const Common& common_;
  std::function<void()> body_;
  tractor_actor* actor_ = nullptr;
  tractor_nursery* work_ = nullptr;
  bool needs_registrar_ = true, ends_with_reader_ = false;
  int status_ = kOk;
};

/// The exit status that an error stands for.
Status status_of(const tractor_error* err);
/// What is said when --timeout has passed.
std::string too_late(const Common& common);
/// The registry addresses as they are known, for messages.
std::string registry_text(const Common& common);
/// What an interrupted program exits with; 0 if it was not interrupted.
int interrupt_status(const tractor_error* err);

}  // namespace tractor::command
