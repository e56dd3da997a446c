#include "machine.h"

#include <string.h>

#include "lines.h"
#include "system.h"

/* CORE stands for the number of the core. */
static const struct {
    const char *name;
    const char *path;
} FILES[] = {
    {"governor", "/sys/devices/system/cpu/cpuCORE/cpufreq/scaling_governor"},
    {"frequency_khz", "/sys/devices/system/cpu/cpuCORE/cpufreq/scaling_cur_freq"},
    {"most_frequency_khz", "/sys/devices/system/cpu/cpuCORE/cpufreq/cpuinfo_max_freq"},
    {"temperature_millicelsius", "/sys/class/thermal/thermal_zone0/temp"},
    {"throttled", "/sys/devices/platform/soc/soc:firmware/get_throttled"}, /* Raspberry Pi, bits in hex */
    {"battery", "/sys/class/power_supply/battery/status"},
    {"battery_percent", "/sys/class/power_supply/battery/capacity"},
};

static void path_of(const char *pattern, uint32_t core, char *to)
{
    while (*pattern != '\0') {
        if (memcmp(pattern, "CORE", 4) == 0) {
            char digits[10];
            size_t count = 0;
            do {
                digits[count++] = (char)('0' + core % 10);
                core /= 10;
            } while (core != 0);
            while (count != 0) {
                *to++ = digits[--count];
            }
            pattern += 4;
        } else {
            *to++ = *pattern++;
        }
    }
    *to = '\0';
}

void machine_state(const char *when)
{
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        char path[128], value[65];
        path_of(FILES[i].path, sys_core(), path);
        long got = sys_read_file(path, value, sizeof value - 1);
        if (got <= 0) {
            continue;
        }
        value[got] = '\0';
        for (char *end = value; *end != '\0'; end++) {
            if (*end < ' ') {
                *end = '\0';
                break;
            }
        }
        put(when);
        put(" ");
        line_text(FILES[i].name, value);
    }
}

uint64_t machine_peak_rss_bytes(void)
{
    static char status[4096];
    const char *wanted = "VmHWM:";
    long got = sys_read_file("/proc/self/status", status, sizeof status - 1);
    for (long at = 0; got > 0 && at + 6 < got; at++) {
        if (memcmp(status + at, wanted, 6) == 0) {
            uint64_t kilobytes = 0;
            for (at += 6; status[at] == ' ' || status[at] == '\t'; at++) {
            }
            for (; status[at] >= '0' && status[at] <= '9'; at++) {
                kilobytes = kilobytes * 10 + (uint64_t)(status[at] - '0');
            }
            return kilobytes * 1024;
        }
    }
    return 0;
}
