// Recorded dialogs of the original (tests/vectors) and frames with known content: what we decode and encode again is
// the same byte for byte. Payloads are not passed on but read value by value and written anew.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>

#include <tractor/value.h>

#include "kit.hpp"
#include "wire/value.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

bool copy_value(tractor_reader* r, tractor_writer* w) {
  switch (tractor_reader_type(r)) {
    case TRACTOR_TYPE_NIL: return !tractor_reader_nil(r) && !tractor_writer_nil(w);
    case TRACTOR_TYPE_BOOL: {
      bool v;
      return !tractor_reader_bool(r, &v) && !tractor_writer_bool(w, v);
    }
    case TRACTOR_TYPE_INT: {
      int64_t v;
      return !tractor_reader_i64(r, &v) && !tractor_writer_i64(w, v);
    }
    case TRACTOR_TYPE_UINT: {
      uint64_t v;
      return !tractor_reader_u64(r, &v) && !tractor_writer_u64(w, v);
    }
    case TRACTOR_TYPE_FLOAT: {
      double v;
      return !tractor_reader_f64(r, &v) && !tractor_writer_f64(w, v);
    }
    case TRACTOR_TYPE_STR: {
      const char* p;
      size_t n;
      return !tractor_reader_str(r, &p, &n) && !tractor_writer_str(w, std::string(p, n).c_str(), n);
    }
    case TRACTOR_TYPE_BIN: {
      const void* p;
      size_t n;
      return !tractor_reader_bin(r, &p, &n) && !tractor_writer_bin(w, p, n);
    }
    case TRACTOR_TYPE_EXT: {
      int8_t type;
      const void* p;
      size_t n;
      return !tractor_reader_ext(r, &type, &p, &n) && !tractor_writer_ext(w, type, p, n);
    }
    case TRACTOR_TYPE_ARRAY:
    case TRACTOR_TYPE_MAP: {
      bool map = tractor_reader_type(r) == TRACTOR_TYPE_MAP;
      uint32_t n;
      if (map ? tractor_reader_map(r, &n) || tractor_writer_map(w, n)
              : tractor_reader_array(r, &n) || tractor_writer_array(w, n))
        return false;
      for (uint64_t i = 0; i < (map ? 2 : 1) * uint64_t{n}; ++i)
        if (!copy_value(r, w)) return false;
      return true;
    }
    default: return false;
  }
}

/// Owns the payloads that it writes anew.
class Transcoder {
 public:
  void operator()(Aid& m) { again(m.ext); }
  void operator()(SpawnSpec& m) {
    again(m.parent_main_data);
    again(m.runtime_vars);
  }
  void operator()(Start& m) { again(m.kwargs); }
  void operator()(StartAck&) {}
  void operator()(Started& m) { again(m.pld); }
  void operator()(Yield& m) { again(m.pld); }
  void operator()(Stop&) {}
  void operator()(Return& m) { again(m.pld); }
  void operator()(CancelAck&) {}
  void operator()(Credit&) {}
  void operator()(ErrorMsg& m) {
    again(m.bad_msg);
    again(m.bad_msg_as_dict);
  }

 private:
  void again(Bytes& b) {
    if (b.empty()) return;
    tractor_value* value = tractor_value_new({b.data(), b.size()});
    tractor_reader* r = tractor_reader_new(value);
    tractor_writer* w = tractor_writer_new();
    bool good = copy_value(r, w) && tractor_reader_type(r) == TRACTOR_TYPE_END;
    tractor_bytes written = tractor_writer_bytes(w);
    made_.emplace_back(good ? std::string(static_cast<const char*>(written.data), written.len) : std::string());
    b = made_.back();
    tractor_writer_free(w);
    tractor_reader_free(r);
    tractor_value_unref(value);
  }
  std::deque<std::string> made_;
};

/// The frame, decoded and encoded again; the reason in `why` if it can't be.
std::string round_trip(const std::string& frame, std::string& why) {
  auto decoded = decode_frame(frame);
  if (auto* error = std::get_if<DecodeError>(&decoded)) {
    why = error->message;
    return {};
  }
  auto& message = *std::get_if<Message>(&decoded);
  Transcoder transcoder;
  std::visit(transcoder, message);
  why = message_name(message);
  return frame_of(message);
}

bool same_again(const std::string& frame) {
  std::string why;
  return round_trip(frame, why) == frame;
}

struct Tally {
  int frames = 0, different = 0;
};

void check_file(const std::filesystem::path& path, Tally& tally) {
  std::ifstream in(path);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    constexpr std::string_view kKey = "\"hex\": \"";
    size_t at = line.find(kKey);
    if (at == line.npos) continue;
    at += kKey.size();
    std::string frame = from_hex(std::string_view(line).substr(at, line.find('"', at) - at));
    std::string why;
    ++tally.frames;
    if (round_trip(frame, why) == frame) continue;
    ++tally.different;
    std::printf("%s:%d: %s\n", path.filename().c_str(), number, why.c_str());
  }
}

void recorded_frames(void**) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TRACTOR_TEST_SOURCE_DIR "/../vectors"))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  Tally tally;
  for (const auto& file : files) check_file(file, tally);
  std::printf("%d frames, %d different\n", tally.frames, tally.different);
  assert_int_equal(files.size(), 44);
  assert_int_equal(tally.frames, 1497);
  assert_int_equal(tally.different, 0);
}

constexpr std::string_view kRoot = "11111111-1111-4111-8111-111111111111";
constexpr std::string_view kKid = "22222222-2222-4222-8222-222222222222";
constexpr std::string_view kCid = "33333333-3333-4333-8333-333333333333";

/// Proof that the comparison above can fail: the same message in another order of keys is decoded, and is not the same.
void swapped_keys_differ(void**) {
  std::string canonical = frame_of(Stop{kCid});
  std::string body = bytes(
                         "\x82\xa3"
                         "cid\xd9\x24") +
                     std::string(kCid) + bytes("\xa8msg_type\xa4Stop");
  std::string swapped(4, '\0');
  write_prefix(swapped.data(), static_cast<uint32_t>(body.size()));
  swapped += body;
  assert_int_equal(swapped.size(), canonical.size());
  std::string why;
  assert_true(round_trip(swapped, why) == canonical);
  assert_false(same_again(swapped));
  assert_true(same_again(canonical));
}

struct Golden {
  Message message;
  const char* hex;
};

// one frame of each message type whose content is known, so that it can also be made from nothing.
std::vector<Golden> golden_frames() {
  const Uid root{"root", kRoot}, kid{"kid", kKid};
  static const std::string vars = from_hex(
      "8aa85f69735f726f6f74c2ad5f726f6f745f6d61696c626f7892a93132372e302e302e31cd0650ab5f726f6f745f61646472739192a93132"
      "372e"
      "302e302e31cd0650ac5f656e61626c655f7470747391a3746370af5f72656769737472795f61646472739192a93132372e302e302e31cd06"
      "50ab"
      "5f64656275675f6d6f6465c2ac7265706c5f66697874757265c2ad7573655f677265656e6261636bc2ae7573655f737461636b73636f7065"
      "c2b0"
      "5f69735f696e6665637465645f61696fc2");
  static const std::string register_args = from_hex(
      "82a375696492a36b6964d92432323232323232322d323232322d343232322d383232322d323232323232323232323232a46164647292a931"
      "3237"
      "2e302e302e31cd9c40");
  SpawnSpec spec{kEmptyMap, vars, {{"m", "/x/m.py"}}, {{"127.0.0.1", uint64_t{1616}}}, {}};
  ErrorMsg cancelled{kid, "ContextCancelled", "ContextCancelled", {kid}, "m", "tb", root, {}, kCid, kNil, kNil};
  ErrorMsg value_error{kid, "ValueError", "ValueError", {kid}, "", "tb\n", {}, {}, kCid, kNil, kNil};
  return {
      {Aid{"root", kRoot, 4242, true, false, {}},
       "6200000086a86d73675f74797065a3416964a46e616d65a4726f6f74a475756964d92431313131313131312d313131312d343131312d383"
       "1"
       "31312d313131313131313131313131a3706964cd1092ac69735f726567697374726172c3a869735f70726f6265c2"},
      {Aid{"registry-probe", kKid, 4243, {}, true, {}},
       "6c00000086a86d73675f74797065a3416964a46e616d65ae72656769737472792d70726f6265a475756964d92432323232323232322d323"
       "2"
       "32322d343232322d383232322d323232323232323232323232a3706964cd1093ac69735f726567697374726172c0a869735f70726f6265c"
       "3"},
      {spec,
       "3301000086a86d73675f74797065a9537061776e53706563b15f706172656e745f6d61696e5f6461746180ad5f72756e74696d655f76617"
       "2"
       "738aa85f69735f726f6f74c2ad5f726f6f745f6d61696c626f7892a93132372e302e302e31cd0650ab5f726f6f745f61646472739192a93"
       "1"
       "32372e302e302e31cd0650ac5f656e61626c655f7470747391a3746370af5f72656769737472795f61646472739192a93132372e302e302"
       "e"
       "31cd0650ab5f64656275675f6d6f6465c2ac7265706c5f66697874757265c2ad7573655f677265656e6261636bc2ae7573655f737461636"
       "b"
       "73636f7065c2b05f69735f696e6665637465645f61696fc2ae656e61626c655f6d6f64756c657381a16da72f782f6d2e7079a97265675f6"
       "1"
       "646472739192a93132372e302e302e31cd0650aa62696e645f6164647273c0"},
      {Start{kCid, "self", "register_actor", register_args, kid},
       "e300000087a86d73675f74797065a55374617274a3636964d92433333333333333332d333333332d343333332d383333332d33333333333"
       "3"
       "333333333333a26e73a473656c66a466756e63ae72656769737465725f6163746f72a66b776172677382a375696492a36b6964d92432323"
       "2"
       "32323232322d323232322d343232322d383232322d323232323232323232323232a46164647292a93132372e302e302e31cd9c40a375696"
       "4"
       "92a36b6964d92432323232323232322d323232322d343232322d383232322d323232323232323232323232a8706c645f73706563aa74797"
       "0"
       "696e672e416e79"},
      {Start{kCid, "self", "cancel", kEmptyMap, root},
       "9a00000087a86d73675f74797065a55374617274a3636964d92433333333333333332d333333332d343333332d383333332d33333333333"
       "3"
       "333333333333a26e73a473656c66a466756e63a663616e63656ca66b776172677380a375696492a4726f6f74d92431313131313131312d3"
       "1"
       "3131312d343131312d383131312d313131313131313131313131a8706c645f73706563aa747970696e672e416e79"},
      {StartAck{kCid, FuncType::context},
       "4e00000083a86d73675f74797065a8537461727441636ba3636964d92433333333333333332d333333332d343333332d383333332d33333"
       "3"
       "333333333333333333a866756e6374797065a7636f6e74657874"},
      {Started{kCid, kNil},
       "4100000083a86d73675f74797065a753746172746564a3636964d92433333333333333332d333333332d343333332d383333332d3333333"
       "3"
       "3333333333333333a3706c64c0"},
      {Yield{kCid, "\x07"},
       "3f00000083a86d73675f74797065a55969656c64a3636964d92433333333333333332d333333332d343333332d383333332d33333333333"
       "3"
       "333333333333a3706c6407"},
      {Stop{kCid},
       "3900000082a86d73675f74797065a453746f70a3636964d92433333333333333332d333333332d343333332d383333332d3333333333333"
       "3"
       "3333333333"},
      {Return{kCid, "\xa2ok"},
       "4200000083a86d73675f74797065a652657475726ea3636964d92433333333333333332d333333332d343333332d383333332d333333333"
       "3"
       "33333333333333a3706c64a26f6b"},
      {CancelAck{kCid, true},
       "4300000083a86d73675f74797065a943616e63656c41636ba3636964d92433333333333333332d333333332d343333332d383333332d333"
       "3"
       "33333333333333333333a3706c64c3"},
      {cancelled,
       "500100008ca86d73675f74797065a54572726f72a77372635f75696492a36b6964d92432323232323232322d323232322d343232322d383"
       "2"
       "32322d323232323232323232323232ac7372635f747970655f737472b0436f6e7465787443616e63656c6c6564ae626f7865645f7479706"
       "5"
       "5f737472b0436f6e7465787443616e63656c6c6564aa72656c61795f706174689192a36b6964d92432323232323232322d323232322d343"
       "2"
       "32322d383232322d323232323232323232323232a76d657373616765a16da674625f737472a27462a963616e63656c6c657292a4726f6f7"
       "4"
       "d92431313131313131312d313131312d343131312d383131312d313131313131313131313131a673656e646572c0a3636964d9243333333"
       "3"
       "333333332d333333332d343333332d383333332d333333333333333333333333a85f6261645f6d7367c0b05f6261645f6d73675f61735f6"
       "4"
       "696374c0"},
      {value_error,
       "190100008ca86d73675f74797065a54572726f72a77372635f75696492a36b6964d92432323232323232322d323232322d343232322d383"
       "2"
       "32322d323232323232323232323232ac7372635f747970655f737472aa56616c75654572726f72ae626f7865645f747970655f737472aa5"
       "6"
       "616c75654572726f72aa72656c61795f706174689192a36b6964d92432323232323232322d323232322d343232322d383232322d3232323"
       "2"
       "3232323232323232a76d657373616765a0a674625f737472a374620aa963616e63656c6c6572c0a673656e646572c0a3636964d92433333"
       "3"
       "33333333332d333333332d343333332d383333332d333333333333333333333333a85f6261645f6d7367c0b05f6261645f6d73675f61735"
       "f"
       "64696374c0"},
  };
}

void known_frames(void**) {
  for (const Golden& golden : golden_frames()) {
    std::string made = frame_of(golden.message);
    if (to_hex(made) != golden.hex) fail_msg("%s: made %s", message_name(golden.message), to_hex(made).c_str());
    if (!same_again(made)) fail_msg("%s is different when decoded", message_name(golden.message));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(recorded_frames),
      cmocka_unit_test(swapped_keys_differ),
      cmocka_unit_test(known_frames),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
