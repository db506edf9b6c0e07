#include "runtime/tree.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "rpc/args.hpp"
#include "rpc/task_context.hpp"
#include "runtime/actor.hpp"
#include "runtime/child.hpp"
#include "wire/cursor.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

OpToken TreeOp::start(Actor& actor, Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_value_fn fn,
                      void* user) {
  auto* op = new TreeOp(actor, in, fn, user);
  OpToken token = op->token();
  if (bad)
    op->decide(bad);
  else if (op->begin())
    op->go([&] { op->ask_children(timeout); });
  return token;
}

TreeOp::~TreeOp() {
  for (const auto& branch : branches_)
    if (Tokened* question = branch->question > 0 ? engine().tokens().find(branch->question) : nullptr)
      question->token_abandon();
}

void TreeOp::ask_children(int64_t timeout) {
  // Each level keeps some of the time, so that those below it are out of patience first.
  OutBuffer kwargs;
  wire::Packer pack(kwargs);
  pack.map(1);
  pack.str("timeout");
  pack.integer(timeout - timeout / 8);
  for (Child* child : actor_.children()) {
    auto& branch = *branches_.emplace_back(std::make_unique<Branch>(*this, child->id().uuid));
    if (!child->serving() || !child->link()->is_open()) {
      branch.unasked = "it is not up";
    } else if (!child->link()->peer_is_native()) {
      branch.unasked = "an actor of another make does not tell";
    } else {
      branch.question = ask(branch, *child->link(), nursery(), "self", "_tree", kwargs.view(), timeout);
      if (branch.question > 0)
        ++open_;
      else
        branch.unasked = "it could not be asked";
    }
  }
  if (open_ == 0) settle();
}

void TreeOp::Branch::on_answer(Answer answer) {
  said = std::move(answer);
  if (said.err) said.err->mark_handled();
  question = 0;
  --of.open_;
  if (of.open_ == 0 && !of.decided()) of.settle();
}

void TreeOp::on_cancel(const ErrorRef& why) { decide(why); }

void TreeOp::settle() {
  try {
    OutBuffer out;
    wire::Packer pack(out);
    actor_.describe(pack, true);
    pack.str("children");
    pack.map(branches_.size());
    for (const auto& branch : branches_) {
      pack.text(branch->uuid);
      if (branch->said.value)
        pack.raw(branch->said.value->bytes());
      else
        pack.text(branch->unasked ? branch->unasked : branch->said.err->message());
    }
    tree_ = Value::copy_of(out.view());
    decide({});
  } catch (const std::bad_alloc&) {
    decide(Error::out_of_memory());
  }
}

/// Every actor tells whoever is connected to it; for those below it, it has the time that it was given.
void TreeOp::endpoint(tractor_ctx* c, const tractor_value* args, void* actor) {
  TaskContext& ctx = TaskContext::of(c);
  int64_t timeout = Args(from_c(args)->bytes()).duration("timeout");
  start(*static_cast<Actor*>(actor), ctx, std::min(timeout, kDefaultTimeout), {}, on_tree, &ctx);
}

void TreeOp::on_tree(const tractor_error* err, const tractor_value* tree, void* ctx) {
  auto& task = *static_cast<TaskContext*>(ctx);
  if (err) return task.fail(ErrorRef(from_c(err)));
  Bytes told = from_c(tree)->bytes();
  // Whoever gets a frame that nests too deep drops the connection.
  if (wire::check_one_value(told)) return task.fail(Error::of(Status::invalid, "its tree nests too deep to be told"));
  task.answer(told);
}

}  // namespace tractor::core
