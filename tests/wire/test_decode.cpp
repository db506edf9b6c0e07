// what is not a message is refused with a reason, and what is only written differently is taken.
#include <deque>
#include <vector>

#include <tractor/types.h>

#include "kit.hpp"
#include "wire/limits.hpp"
#include "wire/value.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

struct Bad {
  std::string body;
  DecodeError::Kind kind;
  const char* message;  // part of it
  const char* cid = "";
};

std::string nested_arrays(size_t depth) { return std::string(depth, '\x91') + '\x07'; }

std::string yield_of(const std::string& pld) {
  return bytes(
             "\x83\xa8msg_type\xa5Yield\xa3"
             "cid\xa1"
             "c\xa3pld") +
         pld;
}

/// An Error without its optional fields but cid, and one pair more, which `pair` has as a map of its own.
std::string error_with(const std::string& pair) {
  std::string body = packed("{s:s,s:[ss],s:s,s:s,s:[[ss]],s:s}", "msg_type", "Error", "src_uid", "n", "u",
                            "src_type_str", "E", "boxed_type_str", "E", "relay_path", "n", "u", "cid", "c");
  body[0] = '\x87';
  return body + pair.substr(1);
}

std::vector<Bad> bad_bodies() {
  const auto malformed = DecodeError::malformed;
  const auto stranger = DecodeError::not_a_message;
  const auto field = DecodeError::bad_field;
  std::string stop = packed("{s:s,s:s}", "msg_type", "Stop", "cid", "c");
  const char* const start = "{s:s,s:s,s:s,s:s,s:v,s:v}";
  auto start_with = [&](const std::string& kwargs, const std::string& uid) {
    tractor_bytes k{kwargs.data(), kwargs.size()}, u{uid.data(), uid.size()};
    return packed(start, "msg_type", "Start", "cid", "c", "ns", "m", "func", "f", "kwargs", &k, "uid", &u);
  };
  std::string no_args = packed("{}"), uid = packed("[ss]", "n", "u");
  std::string bad_utf8 = bytes("\xa2\xc3\x28");
  return {
      // Not one msgpack value.
      {"", malformed, "frame ends too early"},
      {"\x82", malformed, "frame ends too early"},
      {stop.substr(0, stop.size() - 1), malformed, "frame ends too early"},
      {stop + '\xc0', malformed, "bytes after"},
      {"\xc1", malformed, "is not msgpack"},
      {yield_of("\xc1"), malformed, "is not msgpack"},
      {yield_of("\xdd\xff\xff\xff\xff"), malformed, "ends too early"},
      {yield_of("\xdf\xff\xff\xff\xff"), malformed, "ends too early"},
      {yield_of("\xdb\xff\xff\xff\xff"), malformed, "ends too early"},
      {yield_of("\xc6\xff\xff\xff\xff"), malformed, "ends too early"},
      {yield_of("\xc9\xff\xff\xff\xff\x01"), malformed, "is not msgpack"},
      {yield_of(nested_arrays(kMaxFrameDepth)), malformed, "nests too deeply"},
      {yield_of(std::string(5'000'000, '\x91')), malformed, "frame"},
      {std::string(5'000'000, '\x81'), malformed, "frame"},
      // Not a message.
      {"\xc0", stranger, "expected a map, found nil"},
      {packed("[s,s]", "Stop", "c"), stranger, "expected a map, found array of 2"},
      {packed("{}"), stranger, "msg_type is missing"},
      {packed("{s:s}", "cid", "c"), stranger, "msg_type is missing"},
      {packed("{s:i}", "msg_type", 1), stranger, "message.msg_type: expected str, found int 1"},
      {packed("{s:n}", "msg_type"), stranger, "found nil"},
      {packed("{s:s}", "msg_type", "Stopp"), stranger, "unknown msg_type: str 'Stopp'"},
      {packed("{s:s,s:s}", "msg_type", "stop", "cid", "c"), stranger, "unknown msg_type"},
      {packed("{s:s,s:s,s:s}", "msg_type", "Stop", "cid", "c", "msg_type", "Stop"), malformed,
       "message.msg_type: comes twice"},
      // Strings of the protocol are UTF-8.
      {bytes("\x82\xa8msg_type\xa4Stop\xa3"
             "cid") +
           bad_utf8,
       malformed, "Stop.cid: invalid UTF-8"},
      {bytes("\x82\xa8msg_type") + bad_utf8 +
           bytes("\xa3"
                 "cid\xa1"
                 "c"),
       malformed, "message.msg_type: invalid UTF-8"},
      {start_with(bytes("\x81") + bad_utf8 + '\x01', uid), malformed, "Start.kwargs: invalid UTF-8 in a key"},
      // Fields.
      {packed("{s:s}", "msg_type", "Stop"), field, "Stop.cid is missing"},
      {packed("{s:s,s:i}", "msg_type", "Stop", "cid", 3), field, "Stop.cid: expected str, found int 3"},
      {packed("{s:s,s:n}", "msg_type", "Stop", "cid"), field, "Stop.cid: expected str, found nil"},
      {packed("{s:s,s:s,s:s}", "msg_type", "Stop", "cid", "c", "cid", "d"), malformed, "Stop.cid: comes twice"},
      {packed("{s:s,i:s,s:s}", "msg_type", "Stop", 5, "x", "cid", "c"), field, "Stop: expected str as key, found int 5",
       "c"},
      {packed("{s:s,s:s}", "msg_type", "Yield", "cid", "c"), field, "Yield.pld is missing", "c"},
      {packed("{s:s,s:i}", "msg_type", "Started", "pld", 1), field, "Started.cid is missing"},
      {packed("{s:s,s:s,s:i}", "msg_type", "CancelAck", "cid", "c", "pld", 1), field,
       "CancelAck.pld: expected bool, found int 1", "c"},
      {packed("{s:s,s:s,s:n}", "msg_type", "CancelAck", "cid", "c", "pld"), field,
       "CancelAck.pld: expected bool, found nil", "c"},
      {packed("{s:s,s:s,s:s}", "msg_type", "StartAck", "cid", "c", "functype", "generator"), field,
       "StartAck.functype: expected 'asyncfunc', 'asyncgen' or 'context', found str 'generator'", "c"},
      {packed("{s:s,s:s}", "msg_type", "StartAck", "cid", "c"), field, "StartAck.functype is missing", "c"},
      {start_with(packed("{i:i}", 1, 2), uid), field, "Start.kwargs: expected str as key, found int 1", "c"},
      {start_with(packed("[]"), uid), field, "Start.kwargs: expected map, found array of 0", "c"},
      {start_with(packed("n"), uid), field, "Start.kwargs: expected map, found nil", "c"},
      {start_with(no_args, packed("[sss]", "n", "u", "x")), field,
       "Start.uid: expected array of 2 str, found array of 3", "c"},
      {start_with(no_args, packed("[s]", "n")), field, "Start.uid: expected array of 2 str, found array of 1", "c"},
      {start_with(no_args, packed("[si]", "n", 7)), field, "Start.uid[1]: expected str, found int 7", "c"},
      {start_with(no_args, packed("s", "nu")), field, "Start.uid: expected array of 2 str, found str 'nu'", "c"},
      {packed("{s:s,s:s,s:s,s:s,s:{},s:[ss],s:n}", "msg_type", "Start", "cid", "c", "ns", "m", "func", "f", "kwargs",
              "uid", "n", "u", "pld_spec"),
       field, "Start.pld_spec: expected str, found nil", "c"},
      {packed("{s:s,s:s,s:s,s:d}", "msg_type", "Aid", "name", "n", "uuid", "u", "pid", 1.0), field,
       "Aid.pid: expected int or nil, found float 1"},
      {packed("{s:s,s:s,s:s,s:U}", "msg_type", "Aid", "name", "n", "uuid", "u", "pid", UINT64_MAX), field,
       "Aid.pid: expected int or nil, found int 18446744073709551615"},
      {packed("{s:s,s:s,s:s,s:n}", "msg_type", "Aid", "name", "n", "uuid", "u", "is_probe"), field,
       "Aid.is_probe: expected bool, found nil"},
      {packed("{s:s,s:s,s:s,s:i}", "msg_type", "Aid", "name", "n", "uuid", "u", "is_registrar", 1), field,
       "Aid.is_registrar: expected bool, found int 1"},
      {packed("{s:s,s:s,s:s,s:i}", "msg_type", "Aid", "name", "n", "uuid", "u", "ext", 1), field,
       "Aid.ext: expected map or nil, found int 1"},
      {packed("{s:s,s:s}", "msg_type", "Aid", "uuid", "u"), field, "Aid.name is missing"},
      {packed("{s:s,s:{},s:{},s:{},s:[]}", "msg_type", "SpawnSpec", "_parent_main_data", "_runtime_vars",
              "enable_modules", "reg_addrs"),
       field, "SpawnSpec.bind_addrs is missing"},
      {packed("{s:s,s:{},s:{},s:{},s:[[s]],s:n}", "msg_type", "SpawnSpec", "_parent_main_data", "_runtime_vars",
              "enable_modules", "reg_addrs", "h", "bind_addrs"),
       field, "SpawnSpec.reg_addrs[0]: expected array of 2, found array of 1"},
      {packed("{s:s,s:{},s:{},s:{},s:[],s:[[si][sd]]}", "msg_type", "SpawnSpec", "_parent_main_data", "_runtime_vars",
              "enable_modules", "reg_addrs", "bind_addrs", "h", 1, "h", 1.5),
       field, "SpawnSpec.bind_addrs[1][1]: expected port number or file name, found float 1.5"},
      {packed("{s:s,s:{},s:{},s:{},s:[],s:[[si]]}", "msg_type", "SpawnSpec", "_parent_main_data", "_runtime_vars",
              "enable_modules", "reg_addrs", "bind_addrs", "h", -1),
       field, "SpawnSpec.bind_addrs[0][1]: expected port number or file name, found int -1"},
      {packed("{s:s,s:{},s:{},s:{s:i},s:[],s:n}", "msg_type", "SpawnSpec", "_parent_main_data", "_runtime_vars",
              "enable_modules", "mod", 3, "reg_addrs", "bind_addrs"),
       field, "SpawnSpec.enable_modules.mod: expected str, found int 3"},
      {error_with(packed("{s:n}", "tb_str")), field, "Error.tb_str: expected str, found nil", "c"},
      {error_with(packed("{s:i}", "message", 5)), field, "Error.message: expected str, found int 5", "c"},
      {error_with(packed("{s:[]}", "canceller")), field, "Error.canceller: expected array of 2 str, found array of 0",
       "c"},
      {error_with(packed("{s:[]}", "_bad_msg")), field, "Error._bad_msg: expected map or nil, found array of 0", "c"},
      {error_with(packed("{s:{}}", "_bad_msg")), field, "Error._bad_msg.msg_type is missing", "c"},
      {error_with(packed("{s:{s:s,s:s,s:n}}", "_bad_msg", "msg_type", "Stop", "cid", "c", "pld")), field,
       "Error._bad_msg.msg_type: expected 'Started', 'Yield' or 'Return', found str 'Stop'", "c"},
      {error_with(packed("{s:{s:s,s:s}}", "_bad_msg", "msg_type", "Yield", "cid", "c")), field,
       "Error._bad_msg.pld is missing", "c"},
      {error_with(packed("{s:i}", "_bad_msg_as_dict", 5)), field, "Error._bad_msg_as_dict: expected map or nil", "c"},
  };
}

void check_bad(const Bad& bad) {
  auto decoded = decode(bad.body);
  auto* error = std::get_if<DecodeError>(&decoded);
  std::string shown = to_hex(std::string_view(bad.body).substr(0, 60));
  if (!error) fail_msg("taken: %s (%s)", shown.c_str(), bad.message);
  if (error->kind != bad.kind || error->message.find(bad.message) == std::string::npos)
    fail_msg("%s: kind %d, \"%s\" instead of kind %d, \"%s\"", shown.c_str(), error->kind, error->message.c_str(),
             bad.kind, bad.message);
  if (error->cid != bad.cid)
    fail_msg("%s: cid '%.*s'", bad.message, static_cast<int>(error->cid.size()), error->cid.data());
}

void bad_input(void**) {
  for (const Bad& bad : bad_bodies()) check_bad(bad);
}

/// The message's views stay good: every body is held until the program ends.
template <class T>
T must_be(std::string body) {
  static std::deque<std::string> bodies;
  auto decoded = decode(bodies.emplace_back(std::move(body)));
  if (auto* error = std::get_if<DecodeError>(&decoded)) fail_msg("%s", error->message.c_str());
  auto* message = std::get_if<T>(std::get_if<Message>(&decoded));
  assert_non_null(message);
  return *message;
}

void keys_in_any_order(void**) {
  Yield y = must_be<Yield>(packed("{s:[i,i],s:s,s:s}", "pld", 1, 2, "cid", "c", "msg_type", "Yield"));
  assert_true(y.cid == "c" && y.pld == "\x92\x01\x02");
  Start s = must_be<Start>(packed("{s:[ss],s:{s:i},s:s,s:s,s:s,s:s}", "uid", "n", "u", "kwargs", "a", 1, "func", "f",
                                  "ns", "m", "cid", "c", "msg_type", "Start"));
  assert_true(s.func == "f" && s.ns == "m" && s.uid.uuid == "u" &&
              s.kwargs ==
                  "\x81\xa1"
                  "a\x01");
}

void unknown_keys_are_ignored(void**) {
  Stop stop = must_be<Stop>(packed("{s:s,s:{s:[i,d,y]},s:s,s:b}", "msg_type", "Stop", "future", "x", 1, 2.0, "ab",
                                   size_t{2}, "cid", "c", "urgent", 1));
  assert_true(stop.cid == "c");
  // Inside a nested struct as well, and twice: an unknown key has no meaning that could be in doubt.
  must_be<ErrorMsg>(error_with(
      packed("{s:{s:s,s:s,s:n,s:i,s:i}}", "_bad_msg", "msg_type", "Yield", "cid", "c", "pld", "x", 1, "x", 2)));
  // A key that is not even UTF-8 is unknown too.
  must_be<Stop>(
      bytes("\x83\xa8msg_type\xa4Stop\xa2\xc3\x28\xc0\xa3"
            "cid\xa1"
            "c"));
}

void absent_fields_take_their_default(void**) {
  Aid aid = must_be<Aid>(packed("{s:s,s:s,s:s}", "msg_type", "Aid", "name", "n", "uuid", "u"));
  assert_true(!aid.pid && !aid.is_registrar && !aid.is_probe && aid.ext.empty());
  ErrorMsg e = must_be<ErrorMsg>(packed("{s:s,s:[ss],s:s,s:s,s:[]}", "msg_type", "Error", "src_uid", "n", "u",
                                        "src_type_str", "S", "boxed_type_str", "B", "relay_path"));
  assert_true(!e.message && e.tb.empty() && !e.canceller && !e.sender && !e.cid && e.bad_msg == kNil &&
              e.bad_msg_as_dict == kNil);
  assert_true(e.src_type == "S" && e.boxed_type == "B" && e.relay_path.empty());
  must_be<Start>(packed("{s:s,s:s,s:s,s:s,s:{},s:[ss]}", "msg_type", "Start", "cid", "c", "ns", "m", "func", "f",
                        "kwargs", "uid", "n", "u"));
}

void payloads_are_not_looked_into(void**) {
  const std::string payloads[] = {
      bytes("\xa2\xc3\x28"),  // a string that is not UTF-8
      bytes("\x82\xa1"
            "a\x01\xa1"
            "a\x02"),                     // a key twice
      bytes("\xd6\xff\x00\x00\x00\x01"),  // a timestamp
      bytes("\xc7\x03\x05"
            "abc"),                                   // some extension
      bytes("\xc7\x00\x05"),                          // an empty one
      bytes("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),  // NaN
      bytes("\xca\x3f\x80\x00\x00"),                  // 32-bit float
      bytes("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),  // 2^64-1
      bytes("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),  // -2^63
      bytes("\xcf\x00\x00\x00\x00\x00\x00\x00\x01"),  // 1, the long way
      bytes("\x81\x92\x01\x02\xc0"),                  // an array as key
      bytes("\xde\x00\x00"),                          // an empty map, the long way
      nested_arrays(kMaxDepth),
      nested_arrays(kMaxFrameDepth - 1),
  };
  for (const std::string& pld : payloads) {
    assert_true(must_be<Yield>(yield_of(pld)).pld == pld);
    std::string canonical = frame_of(Return{"33333333-3333-4333-8333-333333333333", pld});
    assert_true(must_be<Return>(canonical.substr(kPrefix)).pld == pld);
  }
}

void fast_and_full_parser_agree_about_depth(void**) {
  for (size_t depth = kMaxFrameDepth - 2; depth <= kMaxFrameDepth + 1; ++depth) {
    std::string pld = nested_arrays(depth);
    std::string canonical = frame_of(Return{"33333333-3333-4333-8333-333333333333", pld}).substr(kPrefix);
    bool quick = decode(canonical).index() == 0, full = decode(yield_of(pld)).index() == 0;
    assert_int_equal(quick, depth < kMaxFrameDepth);
    assert_int_equal(full, quick);
    std::string map = bytes("\x81\xa1k") + pld;
    bool args =
        decode(frame_of(Start{"33333333-3333-4333-8333-333333333333", "m", "f", map, {"n", "u"}}).substr(kPrefix))
            .index() == 0;
    assert_int_equal(args, depth + 1 < kMaxFrameDepth);
  }
}

void null_extension_is_no_extension(void**) {
  assert_true(
      must_be<Aid>(packed("{s:s,s:s,s:s,s:n}", "msg_type", "Aid", "name", "n", "uuid", "u", "ext")).ext.empty());
  assert_true(must_be<Aid>(packed("{s:s,s:s,s:s,s:{}}", "msg_type", "Aid", "name", "n", "uuid", "u", "ext")).ext ==
              kEmptyMap);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(bad_input),
      cmocka_unit_test(keys_in_any_order),
      cmocka_unit_test(unknown_keys_are_ignored),
      cmocka_unit_test(absent_fields_take_their_default),
      cmocka_unit_test(payloads_are_not_looked_into),
      cmocka_unit_test(fast_and_full_parser_agree_about_depth),
      cmocka_unit_test(null_extension_is_no_extension),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
