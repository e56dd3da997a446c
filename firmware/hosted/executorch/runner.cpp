/*
 * An ExecuTorch program as a process: the commands of firmware/hosted/main.c over the runtime of ExecuTorch's own wheel.
 *
 *   RUNNER FILE.pte identity             lines: bytes of one input and one output, layers (0: none is timed by itself),
 *                                        whether an emulator of the processor runs it
 *   RUNNER FILE.pte run                  samples from the input, end to end -> their outputs, end to end, the trailer
 *   RUNNER FILE.pte time WARM-UP N [CORE]   one sample from the input -> lines: nanoseconds of each of N inferences,
 *                                        the state of the machine before and after, its peak memory
 *   RUNNER FILE.pte etdump WARM-UP N [CORE]   one sample -> ExecuTorch's own record of WARM-UP + N inferences, operator
 *                                        by operator (ETDump), the trailer with one sample
 *
 * The trailer is 16 bytes: "EPOK", then little-endian uint32 the samples, CRC-32 of all inputs and of all outputs. Lines
 * end with `end COUNT CRC`. Without either, the link was cut: nothing of it counts.
 * Exit status: 0; 2 for other words; 3 where the input ends inside a sample; 4 where the output cannot be written; 5 where
 * ExecuTorch refuses the program or fails.
 *
 * One thread: without the guard, XNNPACK takes one a core; with a last word `threads=N`, N of ExecuTorch's. No type of the C++ library passes into the runtime's libraries,
 * so another one than theirs may be linked.
 */
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "report.hpp"

#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

/* Of libexecutorch_threadpool; the wheel has the library and not the header. */
namespace executorch::extension::threadpool {
class ThreadPool {
public:
    bool _unsafe_reset_threadpool(uint32_t threads);
};
ThreadPool *get_threadpool();
} // namespace executorch::extension::threadpool

namespace {

using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using executorch::etdump::ETDumpGen;
using executorch::etdump::ETDumpResult;
using executorch::extension::BufferDataLoader;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::HierarchicalAllocator;
using executorch::runtime::MemoryAllocator;
using executorch::runtime::MemoryManager;
using executorch::runtime::Method;
using executorch::runtime::Program;
using executorch::runtime::Span;

const char *const USAGE = "FILE.pte identity | run | time WARM-UP N [CORE] | etdump WARM-UP N [CORE]";

enum Status { DONE = 0, OTHER_WORDS = 2, INPUT_ENDS = 3, CANNOT_WRITE = 4, REFUSED = 5 };

int complain(const char *text, int status, uint32_t error = 0)
{
    if (status == REFUSED) {
        std::fprintf(stderr, "ExecuTorch refuses the program: %s (error 0x%" PRIx32 ")\n", text, error);
    } else {
        std::fprintf(stderr, "%s\n", text);
    }
    return status;
}

/* What the runtime allocates while it loads a program and runs it, freed at the end of the process. */
class Heap : public MemoryAllocator {
public:
    Heap() : MemoryAllocator(0, nullptr) {}
    void *allocate(size_t size, size_t alignment) override
    {
        const size_t rounded = (size + alignment - 1) / alignment * alignment;
        void *found = aligned_alloc(alignment < sizeof(void *) ? sizeof(void *) : alignment, rounded + alignment);
        held.push_back(found);
        return found;
    }
    void reset() override
    {
        for (void *part : held) {
            std::free(part);
        }
        held.clear();
    }

private:
    std::vector<void *> held;
};

/* The method `forward`, ready to run, its inputs in `input`, end to end. */
struct Loaded {
    Method &method;
    std::vector<uint8_t> input;
    std::vector<size_t> sizes;
    size_t output_bytes;

    bool read()
    {
        return std::fread(input.data(), 1, input.size(), stdin) == input.size();
    }

    Error infer(const std::vector<EValue> &ends)
    {
        for (size_t i = 0; i < ends.size(); i++) {
            const Error set = method.set_input(ends[i], i);
            if (set != Error::Ok) {
                return set;
            }
        }
        return method.execute();
    }
};

int send_trailer(uint32_t samples, uint32_t in_crc, uint32_t out_crc)
{
    const uint32_t words[3] = {samples, in_crc, out_crc};
    uint8_t trailer[16] = {'E', 'P', 'O', 'K'};
    for (int i = 0; i < 12; i++) {
        trailer[4 + i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    }
    const bool whole = std::fwrite(trailer, 1, sizeof trailer, stdout) == sizeof trailer && std::fflush(stdout) == 0;
    return whole ? DONE : CANNOT_WRITE;
}

int run(Loaded &loaded, const std::vector<EValue> &ends)
{
    uint32_t samples = 0, in_crc = ~0u, out_crc = ~0u;
    for (;;) {
        const size_t got = std::fread(loaded.input.data(), 1, loaded.input.size(), stdin);
        if (got == 0) {
            break;
        }
        if (got != loaded.input.size()) {
            return complain("the input ends inside a sample", INPUT_ENDS);
        }
        in_crc = crc(in_crc, loaded.input.data(), loaded.input.size());
        const Error failed = loaded.infer(ends);
        if (failed != Error::Ok) {
            return complain("an inference failed", REFUSED, (uint32_t)failed);
        }
        for (size_t i = 0; i < loaded.method.outputs_size(); i++) {
            const Tensor out = loaded.method.get_output(i).toTensor();
            const uint8_t *bytes = static_cast<const uint8_t *>(out.const_data_ptr());
            out_crc = crc(out_crc, bytes, out.nbytes());
            if (std::fwrite(bytes, 1, out.nbytes(), stdout) != out.nbytes()) {
                return CANNOT_WRITE;
            }
        }
        samples++;
    }
    return send_trailer(samples, ~in_crc, ~out_crc);
}

int time_runs(Loaded &loaded, const std::vector<EValue> &ends, long warm_up, long runs)
{
    if (!loaded.read()) {
        return complain("the input ends inside a sample", INPUT_ENDS);
    }
    for (long i = -warm_up; i < runs; i++) {
        if (i == 0) {
            machine_state("before");
        }
        const uint64_t begin = now_ns();
        const Error failed = loaded.infer(ends);
        const uint64_t took = now_ns() - begin;
        if (failed != Error::Ok) {
            return complain("an inference failed", REFUSED, (uint32_t)failed);
        }
        if (i >= 0) {
            line("run", took);
        }
    }
    machine_state("after");
    line("core", (uint64_t)sched_getcpu());
    for (long i = 0; i < runs; i++) {
        line_of("layers\n");
    }
    line("peak_rss_bytes", peak_rss_bytes());
    line("threads", threads());
    return end_lines() ? DONE : CANNOT_WRITE;
}

bool is_traced(const char *word)
{
    return std::strcmp(word, "etdump") == 0;
}

int record(Loaded &loaded, const std::vector<EValue> &ends, long runs, ETDumpGen &record)
{
    if (!loaded.read()) {
        return complain("the input ends inside a sample", INPUT_ENDS);
    }
    for (long i = 0; i < runs; i++) {
        const Error failed = loaded.infer(ends);
        if (failed != Error::Ok) {
            return complain("an inference failed", REFUSED, (uint32_t)failed);
        }
    }
    const ETDumpResult made = record.get_etdump_data();
    if (std::fwrite(made.buf, 1, made.size, stdout) != made.size) {
        return CANNOT_WRITE;
    }
    const uint32_t in_crc = crc(~0u, loaded.input.data(), loaded.input.size());
    return send_trailer(1, ~in_crc, ~crc(~0u, static_cast<const uint8_t *>(made.buf), made.size));
}

int obey(Loaded &loaded, const std::vector<EValue> &ends, ETDumpGen &tracer, int count, char **words)
{
    if (count == 1 && std::strcmp(words[0], "identity") == 0) {
        line("input_bytes", loaded.input.size());
        line("output_bytes", loaded.output_bytes);
        line("layers", 0);
        line("emulated", is_emulated());
        return end_lines() ? DONE : CANNOT_WRITE;
    }
    if (count == 1 && std::strcmp(words[0], "run") == 0) {
        return run(loaded, ends);
    }
    const bool traced = is_traced(words[0]);
    if ((count == 3 || count == 4) && (traced || std::strcmp(words[0], "time") == 0)) {
        const long warm_up = number(words[1]), runs = number(words[2]), core = count == 4 ? number(words[3]) : 0;
        if (warm_up >= 0 && runs > 0 && core >= 0) {
            if (count == 4 && !keep_on(core)) {
                return complain("this core cannot be chosen", OTHER_WORDS);
            }
            return traced ? record(loaded, ends, warm_up + runs, tracer) : time_runs(loaded, ends, warm_up, runs);
        }
    }
    return complain(USAGE, OTHER_WORDS);
}

/* N of a last word `threads=N`, which is taken off; 1 without one. */
uint32_t threads_of(int &count, char **words)
{
    const char *const name = "threads=";
    if (count == 0 || std::strncmp(words[count - 1], name, std::strlen(name)) != 0) {
        return 1;
    }
    const long threads = number(words[--count] + std::strlen(name));
    return threads < 1 ? 1 : (uint32_t)threads;
}

bool read_file(const char *path, std::vector<uint8_t> &content, size_t &start)
{
    FILE *file = std::fopen(path, "rb");
    if (file == nullptr) {
        return false;
    }
    std::fseek(file, 0, SEEK_END);
    const long size = std::ftell(file);
    std::fseek(file, 0, SEEK_SET);
    content.resize((size_t)(size < 0 ? 0 : size) + 64); /* constants are aligned within the file: it begins at 64 */
    start = (64 - (uintptr_t)content.data() % 64) % 64;
    const bool whole = size > 0 && std::fread(content.data() + start, 1, (size_t)size, file) == (size_t)size;
    std::fclose(file);
    return whole;
}

} // namespace

int main(int count, char **words)
{
    std::vector<uint8_t> content;
    size_t start = 0;
    if (count < 3) {
        return complain(USAGE, OTHER_WORDS);
    }
    if (!read_file(words[1], content, start)) {
        return complain("the program cannot be read", OTHER_WORDS);
    }
    executorch::runtime::runtime_init();
    const uint32_t wanted = threads_of(count, words);
    std::optional<executorch::extension::threadpool::NoThreadPoolGuard> alone;
    if (wanted == 1) {
        alone.emplace();
    } else {
        executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(wanted);
    }
    BufferDataLoader loader(content.data() + start, content.size() - 64);
    auto program = Program::load(&loader, Program::Verification::InternalConsistency);
    if (!program.ok()) {
        return complain("it is not whole, or of another version", REFUSED, (uint32_t)program.error());
    }
    auto meta = program->method_meta("forward");
    if (!meta.ok()) {
        return complain("it has no method forward", REFUSED, (uint32_t)meta.error());
    }
    std::vector<std::vector<uint8_t>> planned(meta->num_memory_planned_buffers());
    std::vector<Span<uint8_t>> arenas;
    for (size_t i = 0; i < planned.size(); i++) {
        planned[i].resize((size_t)meta->memory_planned_buffer_size(i).get() + 64);
        uint8_t *aligned = planned[i].data() + (64 - (uintptr_t)planned[i].data() % 64) % 64;
        arenas.push_back({aligned, planned[i].size() - 64});
    }
    HierarchicalAllocator memory({arenas.data(), arenas.size()});
    Heap kept, passing;
    MemoryManager manager(&kept, &memory, &passing);
    ETDumpGen tracer;
    auto method = program->load_method("forward", &manager, is_traced(words[2]) ? &tracer : nullptr);
    if (!method.ok()) {
        return complain("an operator or backend it needs is not here", REFUSED, (uint32_t)method.error());
    }
    Loaded loaded{*method, {}, {}, 0};
    size_t input_bytes = 0;
    for (size_t i = 0; i < meta->num_inputs(); i++) {
        loaded.sizes.push_back(meta->input_tensor_meta(i).get().nbytes());
        input_bytes += loaded.sizes.back();
    }
    for (size_t i = 0; i < meta->num_outputs(); i++) {
        loaded.output_bytes += meta->output_tensor_meta(i).get().nbytes();
    }
    loaded.input.resize(input_bytes == 0 ? 1 : input_bytes);
    std::vector<std::unique_ptr<TensorImpl>> tensors;
    std::vector<std::vector<int32_t>> shapes(meta->num_inputs()), strides(meta->num_inputs());
    std::vector<std::vector<uint8_t>> orders(meta->num_inputs());
    std::vector<EValue> ends;
    uint8_t *at = loaded.input.data();
    for (size_t i = 0; i < meta->num_inputs(); i++) {
        const auto end = meta->input_tensor_meta(i).get();
        shapes[i].assign(end.sizes().begin(), end.sizes().end());
        orders[i].assign(end.dim_order().begin(), end.dim_order().end());
        strides[i].resize(shapes[i].size());
        int32_t stride = 1;
        for (size_t axis = shapes[i].size(); axis-- > 0;) {
            strides[i][orders[i][axis]] = stride;
            stride *= shapes[i][orders[i][axis]];
        }
        tensors.push_back(std::make_unique<TensorImpl>(end.scalar_type(), (ssize_t)shapes[i].size(), shapes[i].data(), at,
                                                       orders[i].data(), strides[i].data()));
        ends.emplace_back(Tensor(tensors.back().get()));
        at += loaded.sizes[i];
    }
    return obey(loaded, ends, tracer, count - 2, words + 2);
}
