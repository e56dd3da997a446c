/*
 * What the runner reports: lines, checksums, the clock, the state of the machine. One source file includes it.
 */
#pragma once

#include <sched.h>
#include <time.h>

#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../checksum.h"

namespace {

uint64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned lines = 0;
uint32_t lines_crc = ~0u;

/* One line, of 200 bytes at most. */
void line_of(const char *format, ...)
{
    char text[256];
    va_list values;
    va_start(values, format);
    const int length = std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    lines_crc = crc(lines_crc, reinterpret_cast<const uint8_t *>(text), (size_t)length);
    std::fwrite(text, 1, (size_t)length, stdout);
    lines++;
}

void line(const char *name, uint64_t value)
{
    line_of("%s %" PRIu64 "\n", name, value);
}

/* `end COUNT CRC` as in ../lines.h; whether all lines could be written. */
bool end_lines()
{
    std::printf("end %u %" PRIu32 "\n", lines, ~lines_crc);
    return std::fflush(stdout) == 0;
}

/* A line `WHEN NAME VALUE` of the first line of a file, where there is one. */
void state(const char *when, const char *name, const char *path)
{
    char value[65] = "";
    FILE *file = std::fopen(path, "r");
    if (file != nullptr) {
        if (std::fgets(value, sizeof value, file) != nullptr && value[0] != '\n') {
            value[std::strcspn(value, "\n")] = '\0';
            line_of("%s %s %s\n", when, name, value);
        }
        std::fclose(file);
    }
}

void machine_state(const char *when)
{
    const int core = sched_getcpu();
    char path[128];
    const struct {
        const char *name, *file;
    } of_core[] = {{"governor", "scaling_governor"}, {"frequency_khz", "scaling_cur_freq"},
                   {"most_frequency_khz", "cpuinfo_max_freq"}};
    for (const auto &part : of_core) {
        std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/%s", core < 0 ? 0 : core, part.file);
        state(when, part.name, path);
    }
    state(when, "temperature_millicelsius", "/sys/class/thermal/thermal_zone0/temp");
    state(when, "throttled", "/sys/devices/platform/soc/soc:firmware/get_throttled");
    state(when, "battery", "/sys/class/power_supply/battery/status");
    state(when, "battery_percent", "/sys/class/power_supply/battery/capacity");
}

/* The number behind `NAME:` in /proc/self/status; 0 where there is none. */
uint64_t of_status(const char *format)
{
    char text[256];
    unsigned long long value = 0;
    FILE *file = std::fopen("/proc/self/status", "r");
    while (file != nullptr && std::fgets(text, sizeof text, file) != nullptr) {
        if (std::sscanf(text, format, &value) == 1) {
            break;
        }
    }
    if (file != nullptr) {
        std::fclose(file);
    }
    return value;
}

uint64_t peak_rss_bytes()
{
    return of_status("VmHWM: %llu") * 1024;
}

uint64_t threads()
{
    return of_status("Threads: %llu");
}

/*
 * Whether an emulator of the processor runs this process: it reads the program's code as data, so the kernel has not mapped
 * it to be executed. Emulators hide that in /proc/self/maps, not in smaps; where there is none, nothing is known.
 */
bool is_emulated()
{
    char text[512];
    bool executes = false;
    const auto here = reinterpret_cast<uintptr_t>(&is_emulated);
    FILE *file = std::fopen("/proc/self/smaps", "r");
    while (file != nullptr && !executes && std::fgets(text, sizeof text, file) != nullptr) {
        uintptr_t begin = 0, end = 0;
        char rights[5] = "";
        if (std::sscanf(text, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, rights) == 3 && begin <= here && here < end) {
            executes = rights[2] == 'x';
        }
    }
    if (file != nullptr) {
        std::fclose(file);
    }
    return !executes;
}

bool keep_on(long core)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)core, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

/* A decimal number below a million, or -1. */
long number(const char *word)
{
    char *end = nullptr;
    const long value = std::strtol(word, &end, 10);
    return *word >= '0' && *word <= '9' && *end == '\0' && std::strlen(word) <= 6 ? value : -1;
}

} // namespace
