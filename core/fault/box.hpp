// Errors to and from the wire: the protocol's packing of an exception into an Error message, and unboxing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fault/error.hpp"
#include "wire/message.hpp"

namespace tractor::core {

/// An Error message's text, owned here so that `message()` can hand out views.
class BoxedError {
 public:
  /// `self` is appended to the relay path. First relay of a foreign error keeps its source and says
  /// RemoteActorError; local errors, cancellations and later relays name `self` as their source.
  BoxedError(const Error& error, const ActorId& self, std::string_view cid);
  BoxedError(const BoxedError&) = delete;
  BoxedError& operator=(const BoxedError&) = delete;
  const wire::ErrorMsg& message() const { return msg_; }

 private:
  std::string type_, source_type_, message_, traceback_, cid_;
  std::vector<ActorId> path_;
  ActorId source_, sender_, canceller_;
  wire::ErrorMsg msg_;
};

/// What Python would print of it, as text for the wire: a traceback that always ends in "Type: message", with the
/// members of a group and the chain of causes. `self` is where a local error was raised.
std::string traceback_text(const Error& error, const ActorId& self);

/// The error object that a received Error message stands for. `peer` is the connection's identity.
ErrorRef unbox(const wire::ErrorMsg& msg, const ActorId& peer);

}  // namespace tractor::core
