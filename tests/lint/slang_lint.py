# SPDX-License-Identifier: MIT
"""`python slang_lint.py TOP FILE...`: slang's reading of the sources; exit code 1 on any error or warning."""

import sys

from pyslang.driver import Driver


def main(top: str, files: list[str]) -> int:
    driver = Driver()
    driver.addStandardArgs()
    words = ["slang", "-Wextra", "-Werror", "-Wno-unused-result", "--top", top, *files]
    clean = driver.parseCommandLine(" ".join(words)) and driver.processOptions() and driver.parseAllSources()
    if clean:
        driver.runFullCompilation()
        driver.runAnalysis(driver.createCompilation())
        clean = driver.reportDiagnostics(False)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
