/**
 * @file tractor/tree.h
 * @brief What is going on: the tree of actors as data and as text.
 */
#ifndef TRACTOR_TREE_H
#define TRACTOR_TREE_H

#include <tractor/portal.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup tree The tree
 * @brief Every actor, nursery, child, task, context and stream, how long it has been there, and what it waits for.
 *
 * An actor is a map:
 *
 * | key | |
 * |---|---|
 * | `name`, `uuid`, `pid` | who it is |
 * | `state` | "booting", "up", "closing" |
 * | `age` | since it was opened |
 * | `addresses` | where it listens: a list of multiaddrs |
 * | `peers` | connections that others have made to it: a list of `[name, uuid]` |
 * | `main`, `tasks` | nurseries: the actor's own, with all that its program has opened, and the one around the tasks that others started |
 * | `children` | of tractor_actor_tree(): what its children say of themselves, a map from uuid to an actor, or to a text that says why there is none |
 *
 * and a nursery is one:
 *
 * | key | |
 * |---|---|
 * | `what` | its name in logs and errors: "nursery 'pool'", "endpoint 'work'", "context 'pool:work'" |
 * | `state` | "open", "closed" (its body is over), "cancelled" |
 * | `age` | since it was opened |
 * | `waits_for` | the work in it: "2 operations, child 'w1'", or "nothing" |
 * | `children` | actors that it owns: a list of maps with `name`, `uuid`, `pid`, `phase` ("launching", "connecting", "booting", "serving", "ending") and `age` |
 * | `nurseries` | those nested in it, tasks and contexts among them: a list |
 * | `ctx` | nil, or for a task or a context a map with `cid`, `side` ("caller", "callee"), `peer` (`[name, uuid]`), `state` (as tractor_ctx_state_name()) and `stream`: nil, or a map with `state` ("waiting" for the program to open it, "open", "finished"), `unread` (values that came and wait) and `unsent` (sends that wait) |
 *
 * Ages are nanoseconds, right to about ten milliseconds. More keys may come.
 * @{
 */

/**
 * @brief This actor, at once.
 * @param actor  the actor
 * @return one value in this thread's scratch, valid until your callback returns, without `children`; nil if the actor has
 *         ended or there is no memory
 * @loopthread
 */
TRACTOR_API tractor_bytes tractor_actor_snapshot(tractor_actor *actor);

/**
 * @brief This actor and all below it, which are asked side by side.
 * @param actor    the actor
 * @param in       the nursery that waits; NULL: the actor's own
 * @param options  `timeout_ns`: how long the whole tree may take to answer; 0: 1 s. An actor that does not answer in time,
 *                 because it is blocked or stopped, stands as a text in `children`, and so does one of another make
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status
 * @completes{the actor with `children`, ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL for a bad option}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_actor_tree(tractor_actor *actor, tractor_nursery *in,
                                          const tractor_call_options *options, tractor_value_fn fn, void *user);

/**
 * @brief A snapshot or tree as text for people, a line for each thing in it.
 * @param tree  from tractor_actor_snapshot() or tractor_actor_tree(), from this actor or another one
 * @return the text, with a line break at its end; yours, for tractor_free(). What is no such value reads as one line that says so.
 *         NULL only without memory
 * @anythread
 */
TRACTOR_API char *tractor_tree_format(tractor_bytes tree);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
