// Programs that are no actors, run by a task.
#include "play.hpp"

#include <unistd.h>

using namespace tractor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// `sh -c script`, and its lines into the log at a level that tests see.
process_options relayed(const char* label) {
  process_options o;
  o.label = label;
  o.relay_stdout = o.relay_stderr = true;
  o.relay_level = TRACTOR_LOG_WARNING;
  return o;
}

// SUB-01
void lines_go_to_the_log(void**) {
  kit_expect_log("[loud:out] ");
  play_well([](nursery&) -> task<> {
    process_options loud = relayed("loud");
    process_result r = co_await run_process({"sh", "-c", "echo one; echo two; echo three"}, loud);
    equal(r.returncode, 0);
    same(r.out, "one\ntwo\nthree\n");
    for (const char* line : {"[loud:out] one", "[loud:out] two", "[loud:out] three"})
      equal(static_cast<std::int64_t>(kit_log_count(line)), 1);
    equal(static_cast<std::int64_t>(kit_log_count("[loud:out] ")), 3);
  });
}

// SUB-02
void it_has_no_terminal(void**) {
  play_well([](nursery&) -> task<> {
    process_result r =
        co_await run_process({"sh", "-c",
                              "test -t 0 || test -t 1 || test -t 2 || echo none; readlink /proc/$$/fd/0; "
                              "readlink /proc/$$/fd/1 | cut -d: -f1"});
    same(r.out, "none\n/dev/null\npipe\n");
  });
}

/// Relayed text, in the order of its lines.
std::string heard;
void hear(int, const char* line, void*) {
  if (const char* text = strstr(line, "[big:out] ")) heard += text + 10;
}

// SUB-03
void much_without_a_newline(void**) {
  tractor_log_set_sink(hear, nullptr, nullptr);
  kit_run run = play([](nursery&) -> task<> {
    process_options big = relayed("big");
    std::vector<std::string> shout = {"sh", "-c", "head -c 200000 /dev/zero | tr '\\000' x"};
    co_await run_process(shout, big);
    holds(heard == std::string(200000, 'x'));
    process_result r = co_await run_process(shout);
    holds(r.out == std::string(200000, 'x'));
  });
  kit_assert_code(run.err, TRACTOR_OK);
  kit_assert_within_ms(run.ns, 2000);
}

task<> failure_of(std::string script, process_options options, int returncode, std::string err) {
  std::vector<std::string> shell = {"sh", "-c", script};
  try {
    co_await run_process(shell, options);
    holds(false);
  } catch (const process_failed& e) {
    equal(e.returncode(), returncode);
    same(e.result().err, err);
    equal(e.result().returncode, returncode);
    same(e.type(), "CalledProcessError");
    same(std::string(e.traceback()) + "\n", err);  // the note
    holds(e.format().find(err.substr(0, err.find('\n'))) != std::string::npos);
  }
}

// SUB-04
void a_relayed_failure(void**) {
  kit_expect_log("[sad:err] ");
  play_well([](nursery&) -> task<> {
    co_await failure_of("echo it hurts >&2; exit 3", relayed("sad"), 3, "it hurts\n");
    equal(static_cast<std::int64_t>(kit_log_count("[sad:err] it hurts")), 1);
  });
}

// SUB-05
void a_failure_that_was_not_relayed(void**) {
  play_well([](nursery&) -> task<> {
    co_await failure_of("echo one >&2; echo two >&2; exit 7", process_options(), 7, "one\ntwo\n");
    equal(static_cast<std::int64_t>(kit_log_count(":err] ")), 0);
  });
}

void it_is_not_checked(void**) {
  play_well([](nursery&) -> task<> {
    process_result r = co_await run_process({"sh", "-c", "exit 5"}, {.check = false});
    equal(r.returncode, 5);
    r = co_await run_process({"sh", "-c", "kill -9 $$"}, {.check = false});
    equal(r.returncode, -9);
  });
}

void what_cannot_be_started(void**) {
  play_well([](nursery&) -> task<> {
    auto missing = []() -> task<> { co_await run_process({"there-is-no-such-program"}); }();
    same(co_await thrown_by(missing),
         "FileNotFoundError: cannot start 'there-is-no-such-program': no such program in PATH");
    auto empty = []() -> task<> { co_await run_process(command()); }();
    same(co_await thrown_by(empty), "ValueError: tractor_process_options.argv names no program");
  });
}

/// Unhandled, it is the failure of the task's nursery, and cancels the others.
void a_failure_cancels_the_siblings(void**) {
  kit_run run = play([](nursery&) -> task<> {
    co_await with_nursery([](nursery& n) -> task<> {
      n.start_soon([]() -> task<> { co_await run_process({"sleep", "60"}); });
      co_await run_process({"sh", "-c", "exit 2"}, {.label = "broken"});
    });
  });
  kit_assert_code(run.err, TRACTOR_EPROCESS);
  kit_assert_contains(tractor_error_message(run.err), "process 'broken' (pid ");
  kit_assert_within_ms(run.ns, 1000);
}

void a_deadline_terminates_it(void**) {
  kit_run run = play([](nursery&) -> task<> {
    auto late = [](const char* script) {
      return [script]() -> task<> { co_await run_process({"sh", "-c", script}, {.kill_timeout = milliseconds(50)}); };
    };
    auto willing = late("exec sleep 60");
    holds(!co_await move_on_after(milliseconds(50), willing));
    kit_expect_log("did not end in time: killed");
    auto deaf = late("trap '' TERM; exec sleep 60");
    holds(!co_await move_on_after(milliseconds(50), deaf));
  });
  kit_assert_code(run.err, TRACTOR_OK);
  kit_assert_within_ms(run.ns, 1000);
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(lines_go_to_the_log),
      KIT_TEST_ONCE(it_has_no_terminal),
      KIT_TEST_ONCE(much_without_a_newline),
      KIT_TEST_ONCE(a_relayed_failure),
      KIT_TEST_ONCE(a_failure_that_was_not_relayed),
      KIT_TEST_ONCE(it_is_not_checked),
      KIT_TEST_ONCE(what_cannot_be_started),
      KIT_TEST_ONCE(a_failure_cancels_the_siblings),
      KIT_TEST_ONCE(a_deadline_terminates_it),
  };
  return kit_run_tests(tests);
}
