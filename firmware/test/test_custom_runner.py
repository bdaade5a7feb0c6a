"""Reads Unity's result lines, which firmware/test/check.h prints, and believes nothing else.

PlatformIO counts a program that prints nothing as skipped and passes; here it is an error, as is a summary that does
not agree with the cases seen.
"""

import re

from platformio.test.exception import UnitTestError
from platformio.test.runners.unity import UnityTestRunner

SUMMARY = re.compile(r"(\d+) Tests (\d+) Failures (\d+) Ignored")


class CustomTestRunner(UnityTestRunner):
    """Unity's output without its library."""

    EXTRA_LIB_DEPS = None
    summary = None

    def configure_build_env(self, env):
        return env

    def on_testing_line_output(self, line):
        if found := SUMMARY.match(line.strip()):
            self.summary = tuple(int(number) for number in found.groups())
        super().on_testing_line_output(line)

    def stage_testing(self):
        if self.options.without_testing:
            return
        super().stage_testing()
        if self.summary is None:
            raise UnitTestError("the test program printed no summary: it crashed or tested nothing")
        n_tests, n_failures, _ = self.summary
        n_failed = sum(case.status.name == "FAILED" for case in self.test_suite.cases)
        if n_tests == 0 or n_tests != len(self.test_suite.cases) or n_failures != n_failed:
            raise UnitTestError(f"the summary says {n_tests} tests, {len(self.test_suite.cases)} reported")
