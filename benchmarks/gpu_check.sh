#!/bin/bash
# What only a GPU can show, in a few minutes: the tests marked gpu, then a whole pretraining step against
# the Hugging Face classes in bf16, at about 200 and about 440 tokens. Everything goes to ${OUT:-.}/gpu_check.log.
#
#     bash benchmarks/gpu_check.sh
#
# Needs torch, transformers, lightning, numpy, scipy, pytest, pyarrow, pyyaml and tokenizers, and for the tests pydantic
# (pydantic, pydantic-core, annotated-types, typing-inspection): install it, or put wheels of it into wheels/ here.
cd "$(dirname "$0")/.." || exit 1
log="${OUT:-.}/gpu_check.log"
python="${PYTHON:-python3}"
export PYTHONPATH=".:${PYTHONPATH:-}"
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false CUBLAS_WORKSPACE_CONFIG=:4096:8
status=0

run() {
    echo "\$ $*"
    "$@" || { echo "failed with code $?"; status=1; }
    echo
}

{
    if [ -d wheels ] && ! "$python" -c "import pydantic" 2>/dev/null; then
        installed=$(mktemp -d)
        run "$python" -m pip install --quiet --no-index --no-deps --target "$installed" wheels/*.whl
        export PYTHONPATH="$PYTHONPATH:$installed"
    fi
    run "$python" -m pytest -q -m gpu tests/training/test_gpu.py
    run "$python" benchmarks/pretraining_step.py --device cuda
    run "$python" benchmarks/pretraining_step.py --device cuda --visual 400 --batch 32
    exit $status
} 2>&1 | tee "$log"
exit "${PIPESTATUS[0]}"
