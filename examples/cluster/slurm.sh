#!/bin/bash
# A Gram matrix by a Slurm array: each task computes one shard into a folder that
# all see. Submit it and, when all are done, join the shards:
#
#   sbatch --wait examples/cluster/slurm.sh && ntk merge theta
#
# Two minutes before its time is up a task gets SIGUSR1: ntk finishes the tile,
# exits with status 75, and the task is queued again to go on.
#SBATCH --job-name=ntk
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append

OUT=${OUT:-theta}

srun ntk gram --model "${MODEL:-cnn-gap}" --data "${DATA:-cifar10}" --examples "${EXAMPLES:-10000}" --outputs mean \
	--out "$OUT" --resume --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
status=$?

if [ $status -eq 75 ]; then
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $status
