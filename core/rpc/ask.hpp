// Connections and calls as steps of the runtime's own flows.
#pragma once

#include <string_view>

#include "rpc/link.hpp"
#include "scope/flow.hpp"
#include "wire/value.hpp"

namespace tractor::core {

/// Connects and shakes hands. `timeout` bounds both together. `reached`, if given, is set once somebody accepted the connection.
Task<Result<Ref<PeerLink>>> connect(LinkHost& host, Address to, Greeting greeting, int64_t timeout, bool* reached = nullptr);

/// The outcome of one call: a value, or the error.
struct Answer {
  ErrorRef err;
  Ref<Value> value;
};

class Asker {
 public:
  virtual void on_answer(Answer answer) = 0;

 protected:
  ~Asker() = default;
};

/// Calls `ns:func` on a link, as work of `in`, deaf to its cancels: bounded by `timeout` instead (0: by the peer). `asker` hears of
/// it once and must live until then. The token cancels it all the same.
OpToken ask(Asker& asker, PeerLink& link, Nursery& in, std::string_view ns, std::string_view func, Bytes args, int64_t timeout);

Task<Answer> ask(Ref<PeerLink> link, Nursery& in, std::string_view ns, std::string_view func, std::string args, int64_t timeout,
                 OpToken* token = nullptr);

}  // namespace tractor::core
