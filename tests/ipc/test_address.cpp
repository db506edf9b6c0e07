// Addresses: their wire, text and socket forms.
#include "check.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "ipc/address.hpp"
#include "ipc/blake2s.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

/// "tcp|HOST|PORT", "uds|DIRECTORY|FILE" or the failure.
std::string show(const Result<Address>& r) {
  if (!r) return failure_text(r);
  std::string second = r->kind == TransportKind::tcp ? std::to_string(r->port) : r->file;
  return std::string(transport_name(r->kind)) + "|" + r->host + "|" + second;
}

std::string parsed(std::string_view text) { return show(parse_multiaddr(text)); }
std::string argument(std::string_view text) { return show(parse_address_argument(text)); }
std::string wired(std::string_view first, uint64_t port) { return show(address_from_wire({first, port})); }
std::string wired(std::string_view first, std::string_view file) { return show(address_from_wire({first, file})); }

// MAD-01, MAD-05, MAD-07
void test_transport_names(void**) {
  CHECK(same(transport_name(TransportKind::tcp), "tcp"));
  CHECK(same(transport_name(TransportKind::uds), "uds"));
  CHECK(*transport_by_name("tcp") == TransportKind::tcp);
  CHECK(*transport_by_name("uds") == TransportKind::uds);
  CHECK(same(failure_text(transport_by_name("quic")),
             "ValueError: no transport is called 'quic': there are 'tcp' and 'uds'"));
}

void test_several_transports(void**) {
  using Kinds = std::vector<TransportKind>;
  CHECK(*transports_by_names("tcp") == Kinds{TransportKind::tcp});
  CHECK(*transports_by_names("uds,tcp") == (Kinds{TransportKind::uds, TransportKind::tcp}));
  CHECK(same(failure_text(transports_by_names("tcp,uds,tcp")), "ValueError: transport 'tcp' is named twice"));
  for (const char* text : {"", ",", "tcp,", ",tcp", "tcp,,uds"})
    CHECK(contains(failure_text(transports_by_names(text)), "no transport is called ''"));
  CHECK(contains(failure_text(transports_by_names("tcp, uds")), "no transport is called ' uds'"));
}

// MAD-02, MAD-03, MAD-04
void test_to_multiaddr(void**) {
  CHECK(same(Address::tcp("127.0.0.1", 1234).to_string(), "/ip4/127.0.0.1/tcp/1234"));
  CHECK(same(Address::tcp("::1", 5678).to_string(), "/ip6/::1/tcp/5678"));
  CHECK(same(Address::uds("/tmp/tractor_test", "test.sock").to_string(), "/unix/tmp/tractor_test/test.sock"));
  CHECK(same(Address::uds("/tmp/", "test.sock").to_string(), "/unix/tmp/test.sock"));
  CHECK(same(Address::uds("/", "test.sock").to_string(), "/unix/test.sock"));
  CHECK(same(Address::uds("//tmp", "test.sock").to_string(), "/unix/tmp/test.sock"));
}

// MAD-08, MAD-09, MAD-10
void test_parse_multiaddr(void**) {
  CHECK(same(parsed("/ip4/127.0.0.1/tcp/1234"), "tcp|127.0.0.1|1234"));
  CHECK(same(parsed("/ip6/::1/tcp/5678"), "tcp|::1|5678"));
  CHECK(same(parsed("/ip6/0:0::0:1/tcp/0"), "tcp|::1|0"));
  CHECK(same(parsed("/unix/tmp/tractor_test/test.sock"), "uds|/tmp/tractor_test|test.sock"));
  CHECK(same(parsed("/unix/test.sock"), "uds|/|test.sock"));
  CHECK(same(parsed("/unix//tmp/test.sock"), "uds|/tmp|test.sock"));
}

// MAD-06, MAD-12
void test_multiaddr_round_trip(void**) {
  for (const char* text : {"/ip4/127.0.0.1/tcp/9999", "/ip6/fe80::2/tcp/65535", "/unix/run/x/registry@1616.sock"})
    CHECK(same(parse_multiaddr(text)->to_string(), text));
}

// MAD-11, MAD-18
void test_bad_multiaddrs(void**) {
  struct {
    std::string_view text, part;
  } cases[] = {
      {"/ip4/127.0.0.1/udp/1234", "unsupported protocols 'ip4/udp'"},
      {"/ip4/127.0.0.1/tcp/80/ws", "unsupported protocols 'ip4/tcp/ws'"},
      {"/tcp/5", "unsupported protocols 'tcp'"},
      {"/uds/tmp/x.sock", "unsupported protocols 'uds/x.sock'"},
      {"/", "unsupported protocols ''"},
      {"/ip4/127.0.0.1", "is not complete"},
      {"/ip4/127.0.0.1/tcp", "is not complete"},
      {"/ip4/127.0.0.1/tcp/", "'' is not a port"},
      {"/ip4/127.0.0.1/tcp/65536", "'65536' is not a port"},
      {"/ip4/127.0.0.1/tcp/-1", "'-1' is not a port"},
      {"/ip4/127.0.0.1/tcp/ 80", "' 80' is not a port"},
      {"/ip4/127.0.0.1/tcp/80x", "'80x' is not a port"},
      {"/ip4/127.1/tcp/80", "'127.1' is not a literal IPv4 address"},
      {"/ip4/::1/tcp/80", "'::1' is not a literal IPv4 address"},
      {"/ip6/127.0.0.1/tcp/80", "'127.0.0.1' is not a literal IPv6 address"},
      {"/ip4/localhost/tcp/80", "'localhost' is not a literal IPv4 address"},
      {"/unix/", "names no socket file"},
      {"/unix/tmp/", "names no socket file"},
      {"/unix/tmp/..", "names no socket file"},
      {"", "does not begin with '/'"},
      {"tcp://127.0.0.1:80", "does not begin with '/'"},
      {std::string_view("/unix/a\0b", 9), "NUL"},
  };
  for (auto& c : cases) {
    CHECK(contains(parsed(c.text), c.part));
    CHECK(parsed(c.text).starts_with("ValueError: "));
  }
}

// MAD-13, MAD-16 at this level: both forms that the command line takes.
void test_address_argument(void**) {
  CHECK(same(argument("('127.0.0.1', 1616)"), "tcp|127.0.0.1|1616"));
  CHECK(same(argument("  [ \"::1\" ,1616 , ] "), "tcp|::1|1616"));
  CHECK(same(argument("('/run/x', 'registry@1616.sock')"), "uds|/run/x|registry@1616.sock"));
  CHECK(same(argument("(\"/run/o'x\", 'a\\'b\\\\.sock')"), "uds|/run/o'x|a'b\\.sock"));
  CHECK(same(argument("('/run/\\xe9\\u20ac\\U0001f600\\udcff', 'x')"), "uds|/run/\u00e9\u20ac\U0001f600\xff|x"));
  CHECK(same(argument("/ip4/127.0.0.1/tcp/1616"), "tcp|127.0.0.1|1616"));
  struct {
    const char *text, *part;
  } cases[] = {
      {"", "expected a multiaddr or a pair"},
      {"127.0.0.1:80", "expected a multiaddr or a pair"},
      {"(127, 80)", "expected a quoted string"},
      {"('127.0.0.1', 80", "expected ')'"},
      {"('127.0.0.1', 80]", "expected ')'"},
      {"('127.0.0.1' 80)", "expected a comma"},
      {"('127.0.0.1', 80) x", "something follows"},
      {"('127.0.0.1', 65536)", "port 65536 is not between"},
      {"('127.0.0.1', 99999999999999999999)", "the port is not between"},
      {"('127.0.0.1', -1)", "neither a port nor a file name"},
      {"('localhost', 80)", "'localhost' is not a literal"},
      {"('/run', 'a/b')", "'a/b' can't be the name of a socket file"},
      {"('/run', 'a", "unterminated string"},
      {"('/run', 'a\\q')", "bad escape sequence at \"\\q"},
      {"('/run', 'a\\xg0')", "bad escape sequence at \"\\xg0"},
      {"('/run', '\\ud800')", "bad escape sequence"},
      {"('/run', '\\x00')", "can't be the name"},
      {"('/run', '')", "has no file name"},
  };
  for (auto& c : cases) CHECK(contains(argument(c.text), c.part));
}

void test_address_argument_round_trip(void**) {
  CHECK(same(address_argument(Address::tcp("127.0.0.1", 1616)), "('127.0.0.1', 1616)"));
  CHECK(same(address_argument(Address::uds("/run/x", "registry@1616.sock")), "('/run/x', 'registry@1616.sock')"));
  CHECK(same(address_argument(Address::uds("/o'x", "\xff\n\"'\\.s")), "(\"/o'x\", '\\udcff\\n\"\\'\\\\.s')"));
  for (const char* file :
       {"a", "it's", "\"", "'\"", "\\", "\t\r\n\x01\x7f", "\u00e9\u20ac\U0001f600", "\xc3\x28\xff"}) {
    Address a = Address::uds("/run/x", file);
    CHECK(*parse_address_argument(address_argument(a)) == a);
  }
}

void test_wire_form(void**) {
  CHECK(same(wired("127.0.0.1", 1616), "tcp|127.0.0.1|1616"));
  CHECK(same(wired("0:0:0:0:0:0:0:1", 1), "tcp|::1|1"));
  CHECK(same(wired("/run/x", "registry@1616.sock"), "uds|/run/x|registry@1616.sock"));
  CHECK(same(wired("example.org", 1), "ValueError: 'example.org' is not a literal IPv4 or IPv6 address"));
  CHECK(same(wired("127.0.0.1", 65536), "ValueError: port 65536 is not between 0 and 65535"));
  CHECK(contains(wired(std::string_view("127.0.0.1\0x", 11), 1), "is not a literal"));
  CHECK(contains(wired("", "x.sock"), "has no directory"));
  CHECK(contains(wired("/run", ""), "has no file name"));
  CHECK(contains(wired("/run", "../x"), "can't be the name of a socket file"));
  Address tcp = Address::tcp("::1", 1616), uds = Address::uds("/run/x", "a.sock");
  CHECK(*address_from_wire(tcp.to_wire()) == tcp);
  CHECK(*address_from_wire(uds.to_wire()) == uds);
}

void test_registrable(void**) {
  for (const char* host : {"127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "2001:db8::1"})
    CHECK(Address::tcp(host, 1).check_registrable().ok());
  CHECK(Address::uds("/run", "x.sock").check_registrable().ok());
  struct {
    const char* host;
    uint16_t port;
    const char* part;
  } cases[] = {{"127.0.0.1", 0, "port 0"},         {"0.0.0.0", 1, "unspecified"}, {"::", 1, "unspecified"},
               {"224.0.0.1", 1, "multicast"},      {"ff02::1", 1, "multicast"},   {"255.255.255.255", 1, "multicast"},
               {"example.org", 1, "not a literal"}};
  for (auto& c : cases) CHECK(contains(failure_text(Address::tcp(c.host, c.port).check_registrable()), c.part));
}

void test_loopback(void**) {
  for (const char* host : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
    CHECK(Address::tcp(host, 1).is_loopback());
  for (const char* host : {"0.0.0.0", "10.0.0.1", "128.0.0.1", "::", "::127.0.0.1", "fe80::1", "::ffff:10.0.0.1"})
    CHECK(!Address::tcp(host, 1).is_loopback());
  CHECK(!Address::uds("/run", "x.sock").is_loopback());
  CHECK(random_address(TransportKind::tcp, "w", 7)->is_loopback());
}

void test_to_sockaddr(void**) {
  sockaddr_storage s;
  CHECK(*Address::tcp("127.0.0.1", 80).to_sockaddr(s) == sizeof(sockaddr_in));
  assert_int_equal(s.ss_family, AF_INET);
  assert_int_equal(reinterpret_cast<sockaddr_in&>(s).sin_port, htons(80));
  CHECK(*Address::tcp("::1", 80).to_sockaddr(s) == sizeof(sockaddr_in6));
  assert_int_equal(s.ss_family, AF_INET6);
  CHECK(*Address::uds("/run", "x").to_sockaddr(s) == offsetof(sockaddr_un, sun_path) + 7);
  assert_string_equal(reinterpret_cast<sockaddr_un&>(s).sun_path, "/run/x");
  CHECK(Address::uds("/" + std::string(104, 'd'), "x").to_sockaddr(s).ok());
  CHECK(contains(failure_text(Address::uds("/" + std::string(105, 'd'), "x").to_sockaddr(s)),
                 "has 108 bytes; at most 107 fit"));
  CHECK(contains(failure_text(Address::tcp("nobody", 80).to_sockaddr(s)), "'nobody' is not a literal"));
}

void test_blake2s(void**) {
  CHECK(same(blake2s_hex("a/b", 16), "5e81c1f95afb12f7266d1a4de7271acc"));
  CHECK(same(blake2s_hex("", 16), "64550d6ffe2c0a01a14aba1eade0200c"));
  CHECK(same(blake2s_hex("abc", 32), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"));
  CHECK(same(blake2s_hex(std::string(64, 'x'), 16), "e1d5fb352cad2589b30d4f38821b1608"));
  CHECK(same(blake2s_hex(std::string(65, 'x'), 16), "9381e91d2e26ce9e95e4783b94d3c23f"));
  CHECK(same(blake2s_hex(std::string(128, 'x'), 16), "00bbd0762aa056f1bb6aa2962c63ef3d"));
  CHECK(same(blake2s_hex(std::string(1000, 'y'), 32),
             "da5a69972ccd4ed0d1931684ad45baff050927976c95370fdb7b23669863264a"));
}

// TPT-09
void test_socket_file_names(void**) {
  CHECK(same(*socket_file_name("/run/x", "worker", 12), "worker@12.sock"));
  CHECK(same(*socket_file_name("/run/x", "a/b", 5), "actor.5e81c1f95afb12f7266d1a4de7271acc@5.sock"));
  CHECK(same(*socket_file_name("/run/x", std::string_view("a\0b", 3), 5),
             "actor." + blake2s_hex({"a\0b", 3}, 16) + "@5.sock"));
  CHECK(same(*socket_file_name("/run/x", "../worker", 5), "actor." + blake2s_hex("../worker", 16) + "@5.sock"));
  std::string name;
  for (int i = 0; i < 60; ++i) name += "\u00e9";
  CHECK(same(*socket_file_name("/run/x", name, 5), "actor." + blake2s_hex(name, 16) + "@5.sock"));
  // "worker@5.sock" has 13 bytes, a whole path at most 107.
  CHECK(same(*socket_file_name("/" + std::string(92, 'd'), "worker", 5), "worker@5.sock"));
  CHECK(contains(failure_text(socket_file_name("/" + std::string(93, 'd'), "worker", 5)),
                 "shorter than 108 (unsafe name: no, over budget: yes)"));
  CHECK(contains(failure_text(socket_file_name("/" + std::string(93, 'd'), "a/b", 5)),
                 "shorter than 108 (unsafe name: yes, over budget: no)"));
}

void test_default_and_random_addresses(void**) {
  CHECK(same(show(default_registry(TransportKind::tcp)), "tcp|127.0.0.1|1616"));
  CHECK(same(show(random_address(TransportKind::tcp, "w", 7)), "tcp|127.0.0.1|0"));
  CHECK(same(show(random_address(TransportKind::tcp, "w", 7, "::1")), "tcp|::1|0"));
  CHECK(contains(show(random_address(TransportKind::tcp, "w", 7, "lan")), "'lan' is not a literal"));
  CHECK(same(show(random_address(TransportKind::uds, "w", 7, "/run/x")), "uds|/run/x|w@7.sock"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_transport_names),
      cmocka_unit_test(test_several_transports),
      cmocka_unit_test(test_to_multiaddr),
      cmocka_unit_test(test_parse_multiaddr),
      cmocka_unit_test(test_multiaddr_round_trip),
      cmocka_unit_test(test_bad_multiaddrs),
      cmocka_unit_test(test_address_argument),
      cmocka_unit_test(test_address_argument_round_trip),
      cmocka_unit_test(test_wire_form),
      cmocka_unit_test(test_registrable),
      cmocka_unit_test(test_loopback),
      cmocka_unit_test(test_to_sockaddr),
      cmocka_unit_test(test_blake2s),
      cmocka_unit_test(test_socket_file_names),
      cmocka_unit_test(test_default_and_random_addresses),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
