// Addresses as text: multiaddr strings and Python pairs.
#include <algorithm>
#include <charconv>
#include <vector>

#include "ipc/address.hpp"
#include "ipc/ip.hpp"
#include "ipc/literal.hpp"

namespace tractor::core {

namespace {

Failure bad(std::string message) { return Failure::of(Status::invalid, std::move(message), "ValueError"); }

std::string quoted(std::string_view s) { return "'" + std::string(s) + "'"; }

bool parse_port(std::string_view text, uint16_t& port) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t slash; (slash = text.find('/')) != text.npos; text.remove_prefix(slash + 1))
    parts.push_back(text.substr(0, slash));
  parts.push_back(text);
  return parts;
}

/// `path` begins with a slash.
Result<Address> parse_unix(std::string_view text, std::string_view path) {
  while (path.starts_with("//")) path.remove_prefix(1);
  size_t slash = path.rfind('/');
  std::string_view file = path.substr(slash + 1);
  if (file.empty() || file == "." || file == "..") return bad("multiaddr " + quoted(text) + " names no socket file");
  std::string_view directory = slash == 0 ? "/" : path.substr(0, slash);
  return Address::uds(std::string(directory), std::string(file));
}

Result<Address> parse_pair(std::string_view text) {
  auto fail = [text](const std::string& why) { return bad("bad address " + quoted(text) + ": " + why); };
  std::string_view in = text;
  char close = ')';
  if (!take_token(in, '(')) {
    close = ']';
    if (!take_token(in, '[')) return fail("expected a multiaddr or a pair such as ('127.0.0.1', 1616)");
  }
  auto first = take_literal(in);
  if (!first) return fail(first.failure().message);
  if (!take_token(in, ',')) return fail("expected a comma after the first element");
  while (!in.empty() && in.front() == ' ') in.remove_prefix(1);

  wire::WireAddr pair{*first, uint64_t{0}};
  std::string file;
  if (!in.empty() && in.front() >= '0' && in.front() <= '9') {
    uint64_t port = 0;
    auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), port);
    if (error != std::errc()) return fail("the port is not between 0 and 65535");
    in.remove_prefix(static_cast<size_t>(end - in.data()));
    pair.second = port;
  } else {
    auto second = take_literal(in);
    if (!second) return fail("the second element is neither a port nor a file name: " + second.failure().message);
    file = std::move(*second);
    pair.second = std::string_view(file);
  }
  take_token(in, ',');
  if (!take_token(in, close)) return fail(std::string("expected '") + close + "' after the second element");
  if (in.find_first_not_of(" \t") != in.npos) return fail("something follows the pair");
  auto address = address_from_wire(pair);
  if (!address) return fail(address.failure().message);
  return address;
}

}  // namespace

std::string Address::to_string() const {
  if (kind == TransportKind::tcp)
    return (host.find(':') == host.npos ? "/ip4/" : "/ip6/") + host + "/tcp/" + std::to_string(port);
  std::string p = path();
  return "/unix/" + p.substr(std::min(p.find_first_not_of('/'), p.size()));
}

Result<Address> parse_multiaddr(std::string_view text) {
  if (text.empty() || text.front() != '/') return bad("multiaddr " + quoted(text) + " does not begin with '/'");
  if (text.find('\0') != text.npos) return bad("multiaddr has a NUL byte");
  constexpr std::string_view kUnix = "/unix/";
  if (text.starts_with(kUnix)) return parse_unix(text, text.substr(kUnix.size() - 1));

  auto parts = split(text.substr(1));
  bool v4 = parts[0] == "ip4", v6 = parts[0] == "ip6";
  if (!(v4 || v6) || (parts.size() > 2 && parts[2] != "tcp") || parts.size() > 4) {
    std::string protocols;
    for (size_t i = 0; i < parts.size(); i += 2) (protocols += i ? "/" : "") += parts[i];
    return bad("unsupported protocols " + quoted(protocols) + " in multiaddr " + quoted(text) +
               ": there are 'ip4/tcp', 'ip6/tcp' and 'unix'");
  }
  if (parts.size() < 4) return bad("multiaddr " + quoted(text) + " is not complete: it needs /<address>/tcp/<port>");
  auto host = canonical_ip(parts[1]);
  if (!host || (host->find(':') != host->npos) != v6)
    return bad(quoted(parts[1]) + " is not a literal IPv" + (v6 ? "6" : "4") + " address in multiaddr " + quoted(text));
  uint16_t port = 0;
  if (!parse_port(parts[3], port))
    return bad(quoted(parts[3]) + " is not a port between 0 and 65535 in multiaddr " + quoted(text));
  return Address::tcp(std::move(*host), port);
}

Result<Address> parse_address_argument(std::string_view text) {
  if (!text.empty() && text.front() == '/') return parse_multiaddr(text);
  return parse_pair(text);
}

std::string address_argument(const Address& addr) {
  std::string text = "(";
  append_literal(text, addr.host);
  text += ", ";
  if (addr.kind == TransportKind::tcp) {
    text += std::to_string(addr.port);
  } else {
    append_literal(text, addr.file);
  }
  return text + ")";
}

}  // namespace tractor::core
