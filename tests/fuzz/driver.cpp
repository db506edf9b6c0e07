// Runs a fuzzer over the files of its corpus where libFuzzer is not linked.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

static bool run(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  // Printed first and flushed: if the next line crashes, this names the input.
  std::printf("%s (%zu bytes)\n", path.c_str(), bytes.size());
  std::fflush(stdout);
  // An exact allocation, so that the address sanitizer sees a read past the end; never a null pointer.
  std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  static const uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(exact.empty() ? &nothing : exact.data(), exact.size());
  return true;
}

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) {
    std::fprintf(stderr, "%s: no corpus: give it files or folders\n", argv[0]);
    return 1;
  }
  std::sort(files.begin(), files.end());
  bool ok = true;
  for (const auto& file : files) ok &= run(file);
  std::printf("%zu inputs\n", files.size());
  return ok ? 0 : 1;
}
