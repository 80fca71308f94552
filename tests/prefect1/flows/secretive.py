"""A flow that needs a secret and a value of the key-value store."""

from prefect import Flow, task
from prefect.backend import get_key_value, set_key_value
from prefect.client import Secret
from prefect.engine.results import LocalResult
from prefect.tasks.secrets import PrefectSecret


@task
def use(word):
    set_key_value("seen", int(get_key_value("tide")) + 1)
    return [len(word), len(Secret("word").get())]


with Flow("secretive", result=LocalResult()) as flow:
    use(PrefectSecret("word"))
