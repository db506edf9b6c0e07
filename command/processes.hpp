// The actors among the processes of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tractor::command {

struct ActorProcess {
  int64_t pid = 0;
  uint64_t started = 0;  ///< in ticks since the boot: with the pid it names a process for good
  std::string name;      ///< of the actor
};

/// The children of actors that this user owns and whose parent is gone. They are known by their title, `_subactor[NAME@PID]`,
/// or by the entry point of Python's. Somebody adopted them: process 1, or a subreaper. A parent and its child are in one
/// session unless the child has opened one, and a subreaper is in another one than what it adopts.
std::vector<ActorProcess> orphans();

/// Is it still there, and still the same?
bool lives(const ActorProcess& process);

/// Is there such a process, that has not ended? It may have, and its parent has not noticed yet.
bool is_alive(int64_t pid);

/// Sends a signal to that very process, never to a later one with its number.
bool send_signal(const ActorProcess& process, int signo);

}  // namespace tractor::command
