"""Spark in place of DuckDB: the same expressions, computed where Spark's own configuration says."""

from __future__ import annotations

import warnings

import ibis

from fivestep.errors import UserError
from fivestep.language import _

_BLANKS = " \t\n\r"


def connect() -> ibis.BaseBackend:
    """A session of Spark as its environment says (SPARK_REMOTE, SPARK_HOME, spark-defaults.conf); without that, a local one.

    Raises UserError where pyspark is missing, or where no session starts.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise UserError(
            _("engagement.yml: engine: spark needs pyspark and Java: pip install 'pyspark>=4,<5'")
        ) from None
    # It warns at every query that it was tried with older releases of pandas; tests compare its results with DuckDB's.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    try:
        session = SparkSession.builder.appName("fivestep").config("spark.ui.showConsoleProgress", "false").getOrCreate()
        session.conf.set("spark.sql.ansi.enabled", "false")  # as in DuckDB a value that cannot be computed is empty, and no error
    except (PySparkException, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(_("engagement.yml: engine: spark: no session starts ({reason}).").format(reason=reason)) from None
    connection = ibis.pyspark.connect(session)
    connection.compiler = _compiler()
    return connection


def _compiler():
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler

    class Compiler(PySparkCompiler):
        """Trims blanks only: Spark reads the escapes for vertical tab and form feed as the letters v and f."""

        __slots__ = ()

        def visit_Strip(self, op, *, arg):  # noqa: N802 - named for the operation
            return self.f.trim(arg, _BLANKS)

    return Compiler()


def faults(connection: ibis.BaseBackend) -> tuple[type[Exception], ...]:
    """What Spark raises for a file that it cannot read; nothing where *connection* is another engine's."""
    if connection.name != "pyspark":
        return ()
    from pyspark.errors import PySparkException

    return (PySparkException,)
