// every allocation that can fail does, once each. What is called then either succeeds or says ENOMEM and has changed
// nothing; what was accepted completes exactly once; the actor, its children and its descriptors go in order.
// ctest: timeout=240
#include <cstdint>
#include <initializer_list>

#include "robust/lives.hpp"

namespace {

char large[100 * 1024];
tractor_op hold;
int open_calls;
void (*when_answered)();

void on_value(const tractor_error* err, const tractor_value*, void* p) {
  completed(p, err);
  if (--open_calls == 0 && when_answered) when_answered();
  work_over();
}
void on_program(const tractor_error* err, const tractor_value*, void* p) {
  completed(p, err);
  work_over();
}
void on_portal(const tractor_error* err, tractor_portal*, void* p) {
  completed(p, err);
  work_over();
}

bool called(Probe* p, tractor_op token) {
  bool accepted = started(p, token);
  if (accepted) ++open_calls;
  return accepted;
}

// --- one whole life, or its pieces ---------------------------------------------------------------------------------

void complete_hold() {
  if (hold > 0) {
    tractor_op op = hold;
    int status;
    while ((status = tractor_op_complete(actor, op, nullptr)) == TRACTOR_ENOMEM) {
    }
    EXPECT(status == TRACTOR_OK, "%s", tractor_strerror(status));
  }
  hold = 0;
}
void hold_cancelled(void*) { complete_hold(); }
void on_nap(const tractor_error* err, void* p) {
  completed(p, err);
  complete_hold();
  work_over();
}

tractor_bytes small_arguments() { return tractor_pack("{s:i}", "a", 1); }
tractor_bytes large_arguments() { return tractor_pack("{s:y}", "data", large, sizeof large); }

void call(const char* module, const char* func, tractor_bytes args) {
  Probe* p = probe(func);
  called(p, tractor_portal_run(child, nullptr, module, func, args, nullptr, on_value, p));
}

void work(void*) {}

void calls() {
  for (int i = 0; i < 3; ++i) call("kit", "echo", small_arguments());
  for (int i = 0; i < 2; ++i) call("kit", "echo", large_arguments());
  call("kit", "fail", tractor_pack("{s:s, s:s}", "type", "KeyError", "message", "as asked, in more than a few bytes"));
  call("kit", "nothing", small_arguments());
  Probe* p = probe("timed call");
  tractor_call_options in_time = {};
  in_time.struct_size = sizeof in_time;
  in_time.timeout_ns = 10 * TRACTOR_MS;
  called(p, tractor_portal_run(child, nullptr, "memory", "forever", tractor_pack("{}"), &in_time, on_value, p));
  p = probe("cancelled call");
  if (called(p, tractor_portal_run(child, nullptr, "memory", "forever", tractor_pack("{}"), nullptr, on_value, p)))
    tractor_op_cancel(actor, p->token);
  p = probe("own call");
  called(p, tractor_portal_run(tractor_actor_self(actor), nullptr, "kit", "echo", small_arguments(), nullptr, on_value,
                               p));
}

void local_work() {
  hold = tractor_nursery_hold(root, "a hold whose name needs memory", hold_cancelled, nullptr);
  Probe* p = probe("sleep");
  if (!started(p, tractor_nursery_sleep(root, 5 * TRACTOR_MS, on_nap, p))) complete_hold();
  p = probe("thread");
  started(p, tractor_nursery_run_in_thread(root, work, on_done, p));
  p = probe("program");
  const char* const argv[] = {"sh", "-c", "echo one; echo two >&2; exit 3", nullptr};
  tractor_process_options program = {};
  program.struct_size = sizeof program;
  program.argv = argv;
  program.flags = TRACTOR_PROCESS_RELAY_STDERR;
  started(p, tractor_nursery_run_process(root, &program, on_program, p));
  p = probe("post");
  int posted = tractor_actor_post(actor, on_done, p);
  started(p, posted == TRACTOR_OK ? 1 : posted);
  p = probe("nested nursery");
  tractor_nursery_options options = {};
  options.struct_size = sizeof options;
  options.name = "a nursery whose name needs memory";
  options.timeout_ns = 20 * TRACTOR_MS;
  tractor_nursery* nested = tractor_nursery_open(root, &options, on_done, p);
  if (tractor_nursery_set_timeout(nested, 10 * TRACTOR_MS) == TRACTOR_ECLOSED) {
    p->token = TRACTOR_ENOMEM;
  } else {
    started(p, 1);
    Probe* nap = probe("nested sleep");
    started(nap, tractor_nursery_sleep(nested, TRACTOR_FOREVER, on_done, nap));
    tractor_op op = tractor_nursery_op(nested);
    EXPECT(op > 0 || op == TRACTOR_ENOMEM, "%s", tractor_strerror(static_cast<int>(op)));
    Probe* end = probe("on_end");
    started(end, tractor_nursery_on_end(nested, on_done, end) == TRACTOR_OK ? 1 : TRACTOR_ENOMEM);
    if (void* memory = tractor_nursery_alloc(nested, 100)) memset(memory, 1, 100);
    EXPECT(tractor_nursery_cancel(nested, "enough, and that takes a few bytes to say") == TRACTOR_OK, "a cancel fails");
    tractor_nursery_close(nested);
  }
}

void searches() {
  for (const char* name : {"child", "nobody of that name is here"}) {
    Probe* p = probe("find_actor");
    started(p, tractor_find_actor(root, name, nullptr, on_portal, p));
  }
  Probe* p = probe("wait_for_actor");
  started(p, tractor_wait_for_actor(root, "child", nullptr, on_portal, p));
  p = probe("get_registry");
  started(p, tractor_get_registry(root, nullptr, nullptr, on_portal, p));
  p = probe("registry at an address");
  started(p, tractor_get_registry(root, kit_registry(), nullptr, on_portal, p));
  p = probe("get_root");
  started(p, tractor_get_root(root, nullptr, on_portal, p));
  // Two registrars, one of which is not there.
  static const char* const registries[] = {kit_registry(), "/ip4/127.0.0.1/tcp/1", nullptr};
  tractor_find_options several = {};
  several.struct_size = sizeof several;
  several.registry_addrs = registries;
  p = probe("query_actor");
  started(p, tractor_query_actor(
                 root, "child", &several,
                 [](const tractor_error* err, const tractor_value*, void* q) {
                   completed(q, err);
                   work_over();
                 },
                 p));
}

/// For as long as the others come and go.
void watch() {
  tractor_find_options a_while = {};
  a_while.struct_size = sizeof a_while;
  a_while.timeout_ns = 100 * TRACTOR_MS;
  Probe* p = probe("watch_actors");
  started(p, tractor_watch_actors(
                 root, nullptr, &a_while, [](int, const tractor_id*, const char* const*, void*) {}, on_done, p));
}

void on_victim(const tractor_error* err, tractor_portal* portal, void* p) {
  completed(p, err);
  if (portal) {
    Probe* cancel = probe("cancel_actor");
    started(cancel, tractor_portal_cancel_actor(portal, nullptr, nullptr, on_done, cancel));
  }
  work_over();
}

void whole_life(tractor_nursery* nursery, void*) {
  root = nursery;
  open_work = 1;
  local_work();
  watch();
  start_child([] {
    calls();
    searches();
  });
  Probe* p = probe("wait_for_actor that comes later");
  tractor_find_options in_time = {};
  in_time.struct_size = sizeof in_time;
  in_time.timeout_ns = 200 * TRACTOR_MS;
  started(p, tractor_wait_for_actor(root, "victim", &in_time, on_portal, p));
  p = probe("start_actor to cancel it");
  tractor_spawn_options options = spawning();
  started(p, tractor_nursery_start_actor(root, "victim", &options, on_victim, p));
  p = probe("run_in_actor");
  called(p, tractor_nursery_run_in_actor(root, "kit", "echo", small_arguments(), &options, on_value, p));
  tractor_bytes stats = tractor_actor_stats(actor);
  EXPECT(stats.len > 0, "no stats");
  work_over();
}

// --- a child that runs out of memory -------------------------------------------------------------------------------

void forever(tractor_ctx* ctx, const tractor_value*, void*) {
  tractor_op token = tractor_nursery_sleep(
      tractor_ctx_nursery(ctx), TRACTOR_FOREVER, [](const tractor_error* err, void*) { tractor_error_code(err); },
      nullptr);
  if (token < 0) tractor_ctx_raisef(ctx, "MemoryError", "no sleep for lack of memory");
}

const tractor_endpoint memory_endpoints[] = {
    STARVING_ENDPOINTS,
    TRACTOR_FUNC("forever", forever),
    TRACTOR_ENDPOINTS_END,
};

void life_with_starving_child(tractor_nursery* nursery, void*) {
  root = nursery;
  open_work = 1;
  start_child([] {
    starve_child();
    when_answered = feed_child;
    calls();
  });
  work_over();
}

// --- the tests of lives --------------------------------------------------------------------------------------------

void live() { starve_root(whole_life); }
void live_with_child() { root_of_starving(life_with_starving_child); }

void test_life(void**) { sweep(live, 1, 64); }
void test_life_in_a_long_shortage(void**) { sweep(live, 40, 4); }
void test_life_out_of_memory(void**) { sweep(live, kForGood, 4); }
void test_child(void**) { sweep(live_with_child, 1, 64); }
void test_child_in_a_long_shortage(void**) { sweep(live_with_child, 30, 4); }
void test_child_out_of_memory(void**) { sweep(live_with_child, kForGood, 4); }

// --- what needs no actor -------------------------------------------------------------------------------------------

/// Calls `f` with each of its allocations failing, alone and with all that follow. It says whether what it called
/// succeeded, and has asserted that it failed as it should if not.
void starve_each(const char* what, bool (*f)()) {
  for (long length : {1L, kForGood}) {
    for (long n = 1;; ++n) {
      arm(n, length);
      bool done = f();
      bool reached = disarm();
      if (!reached && !done) fail_msg("%s fails without a shortage", what);
      if (!reached) break;
      if (n == 1000) fail_msg("%s needs memory without end", what);
    }
  }
}

int released;
void release(void*) { ++released; }

void test_values(void**) {
  static tractor_value* value = tractor_value_new(tractor_pack("{s:y, s:s}", "data", large, sizeof large, "text",
                                                               "a text that is not short enough to lie anywhere else"));
  assert_non_null(value);
  starve_each("pack", [] {
    tractor_bytes bytes = large_arguments();
    return tractor_bytes_error(bytes) == nullptr;
  });
  starve_each("value", [] {
    tractor_value* copy = tractor_value_new(tractor_value_bytes(value));
    tractor_value* kept = tractor_value_keep(copy ? copy : value);
    bool done = copy && kept;
    tractor_value_unref(copy);
    tractor_value_unref(kept);
    return done;
  });
  starve_each("external value", [] {
    static char nil[] = "\xc0";
    released = 0;
    tractor_value* external = tractor_value_new_external(nil, 1, release, nullptr);
    bool done = external != nullptr;
    tractor_value_unref(external);
    assert_int_equal(released, done ? 1 : 0);
    return done;
  });
  starve_each("json", [] {
    char* text = tractor_value_json(value);
    tractor_free(text);
    return text != nullptr;
  });
  starve_each("unpack", [] {
    const char* text = nullptr;
    int status = tractor_unpack(value, "{s:s, *}", "text", &text);
    assert_true(status == TRACTOR_OK ? text != nullptr : status == TRACTOR_ENOMEM && !text);
    return status == TRACTOR_OK;
  });
  starve_each("reader", [] {
    tractor_reader* reader = tractor_reader_new(value);
    if (!reader) return false;
    uint32_t count = 0;
    const char* key = nullptr;
    size_t length = 0;
    int status = tractor_reader_map(reader, &count);
    if (status == TRACTOR_OK) status = tractor_reader_str(reader, &key, &length);
    assert_true(status == TRACTOR_OK || (status == TRACTOR_ENOMEM && tractor_reader_error(reader)));
    tractor_reader_free(reader);
    return status == TRACTOR_OK;
  });
  starve_each("writer", [] {
    tractor_writer* writer = tractor_writer_new();
    if (!writer) return false;
    int status = tractor_writer_array(writer, 20);
    for (int i = 0; i < 20; ++i) {
      int before = status, now = tractor_writer_bin(writer, large, 1000);
      assert_true(before == TRACTOR_OK || now == before);  // it sticks
      status = now;
    }
    bool poisoned = tractor_bytes_error(tractor_writer_bytes(writer)) != nullptr;
    assert_true(status == TRACTOR_OK || (status == TRACTOR_ENOMEM && poisoned));
    tractor_writer_free(writer);
    return !poisoned;
  });
  tractor_value_unref(value);
}

void test_errors(void**) {
  starve_each("error", [] {
    tractor_error_options options = {};
    options.struct_size = sizeof options;
    options.type = "AnErrorThatHasALongName";
    options.message = "a message that is not short enough to lie in the object";
    options.traceback = "a traceback that is not short enough to lie in the object";
    options.payload = &released;
    options.payload_release = release;
    released = 0;
    tractor_error* err = tractor_error_new(&options);
    assert_non_null(err);
    bool done = tractor_error_code(err) == TRACTOR_EUSER;
    assert_true(done || tractor_error_code(err) == TRACTOR_ENOMEM);
    char* text = tractor_error_format(err);
    bool told = text != nullptr;
    tractor_free(text);
    tractor_error_unref(err);
    assert_int_equal(released, 1);
    return done && told;
  });
  starve_each("formatted error", [] {
    tractor_error* err = tractor_error_newf(TRACTOR_EUSER, "AnErrorThatHasALongName", "%s", "a message of some length");
    bool done = tractor_error_code(err) == TRACTOR_EUSER;
    assert_true(done || tractor_error_code(err) == TRACTOR_ENOMEM);
    tractor_error_unref(err);
    return done;
  });
  // What was refused is not known: it can be tried again.
  starve_each("error type", [] {
    static int count = 0;
    static char name[64];
    if (tractor_error_type_known(name) || count == 0) snprintf(name, sizeof name, "AnErrorOfThisProgram%d", ++count);
    int status = tractor_error_type_register(name);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    return status == TRACTOR_OK;
  });
}

void test_registration(void**) {
  starve_each("module", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "a_module_with_a_long_name_%d", ++count);
    status = tractor_register(name, memory_endpoints, nullptr);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    return status == TRACTOR_OK;
  });
  starve_each("typed module", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    static const tractor_endpoint typed[] = {
        TRACTOR_CTX_TYPED("one", forever,
                          "started: {name: str, points?: list[tuple[float, ...]]}; return: 'yes' | 'no'"),
        TRACTOR_CTX_TYPED("another", forever, "dict[str, Optional[int | bytes]]"),
        TRACTOR_ENDPOINTS_END,
    };
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "a_typed_module_with_a_long_name_%d", ++count);
    status = tractor_register(name, typed, nullptr);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    return status == TRACTOR_OK;
  });
  starve_each("extension", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "an_extension_with_a_long_name_%d", ++count);
    status = tractor_register_ext(name, 7, nullptr, nullptr);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    // What was refused is no type.
    Plenty plenty;
    assert_int_equal(tractor_schema_check(name, {"\xd4\x07x", 3}, nullptr, 0),
                     status == TRACTOR_OK ? TRACTOR_OK : TRACTOR_EINVAL);
    return status == TRACTOR_OK;
  });
  starve_each("schema check", [] {
    char why[200];
    const char* type = "{name: str, points?: list[tuple[float, ...]], more: dict[int, 'some such' | -1 | None]}";
    tractor_bytes misfit = {"\x82\xa4name\xa1x\xa4more\x81\x01\xa1y", 17};
    int status = tractor_schema_check(type, misfit, why, sizeof why);
    assert_true(status == TRACTOR_EMSGTYPE || status == TRACTOR_ENOMEM);
    assert_true((why[0] != 0) == (status == TRACTOR_EMSGTYPE));
    return status == TRACTOR_EMSGTYPE;
  });
  starve_each("endpoint", [] {
    static int count = 0;
    static char name[64];
    static int status = TRACTOR_OK;
    if (status == TRACTOR_OK) snprintf(name, sizeof name, "an_endpoint_with_a_long_name_%d", ++count);
    released = 0;
    tractor_endpoint endpoint = TRACTOR_FUNC(name, forever);
    status = tractor_register_endpoint("a_module_of_its_own", &endpoint, nullptr, release);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    assert_int_equal(released, 0);
    return status == TRACTOR_OK;
  });
  starve_each("log level", [] {
    int status = tractor_log_add_level(33, "A_LEVEL_WITH_A_LONG_NAME", "red");
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    if (status == TRACTOR_OK) assert_int_equal(tractor_log_remove_level(33), TRACTOR_OK);
    return status == TRACTOR_OK;
  });
  starve_each("log sink", [] {
    released = 0;
    int status = tractor_log_set_sink(drop_line, nullptr, release);
    assert_true(status == TRACTOR_OK || status == TRACTOR_ENOMEM);
    if (status == TRACTOR_OK) {
      tractor_log(TRACTOR_LOG_CRITICAL, "%s", "a line that is lost or not");
      assert_int_equal(tractor_log_set_sink(nullptr, nullptr, nullptr), TRACTOR_OK);
    }
    assert_int_equal(released, status == TRACTOR_OK ? 1 : 0);
    return status == TRACTOR_OK;
  });
}

}  // namespace

int main(int argc, char** argv) {
  tractor_register("memory", memory_endpoints, nullptr);
  kit_begin(argc, argv);
  prepare_lives();
  const kit_test tests[] = {
      KIT_TEST_ONCE(test_values),
      KIT_TEST_ONCE(test_errors),
      KIT_TEST_ONCE(test_registration),
      KIT_TEST(test_life),
      KIT_TEST(test_life_in_a_long_shortage),
      KIT_TEST(test_life_out_of_memory),
      KIT_TEST(test_child),
      KIT_TEST(test_child_in_a_long_shortage),
      KIT_TEST(test_child_out_of_memory),
  };
  return kit_run_tests(tests);
}
