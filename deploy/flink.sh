#!/usr/bin/env bash
# A Flink cluster with Beam's job server and a pool of Python workers on this machine, on the loopback address alone.
#
#   deploy/flink.sh install            fetch what is needed into build/flink (once; about 250 MB are read)
#   deploy/flink.sh start [N]          JobManager, N TaskManagers (default 1) of CALLVEIL_FLINK_SLOTS slots (2), job server, worker pool
#   deploy/flink.sh options            the pipeline options that send a job to it, one a line
#   deploy/flink.sh status             what runs, with process ids; exit 1 unless all of it does
#   deploy/flink.sh restart ROLE       jobmanager, taskmanager-1 ..., jobserver, pool: end it if it runs, start it
#   deploy/flink.sh checkpoint [JOB]   the newest complete checkpoint (of that Flink job id); exit 1 where there is none
#   deploy/flink.sh run COMMAND ...    start, run COMMAND with CALLVEIL_FLINK_OPTIONS set, stop
#   deploy/flink.sh --task-managers N redact ...   a batch command of callveil on a cluster of N TaskManagers that is started for it, and stopped:
#                                      redact, history load, rescan. One slot and one Python worker each; ends with the command's exit code
#   deploy/flink.sh stop               end all of it; checkpoints stay
#
# CALLVEIL_FLINK_DIR   configuration, logs, process ids, checkpoints (default build/flink/run). One cluster a folder.
# CALLVEIL_FLINK_PORT  first of six ports that follow one another (default 8081, the web interface)
# CALLVEIL_FLINK_WORKERS  Python processes a TaskManager (default 2)
# CALLVEIL_FLINK_JOB_SERVER  a job server jar to use instead of the one that install found
# Needs Java 11 or 17, Maven for install. What works on it, and what was measured: RUNNERS.md
set -euo pipefail
FLINK=1.19.3
FLINK_SHA256=4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60
BEAM=2.77.0

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
home=$top/build/flink
dir=${CALLVEIL_FLINK_DIR:-$home/run}
port=${CALLVEIL_FLINK_PORT:-8081}
rpc=$((port + 1)) blob=$((port + 2)) jobs=$((port + 3)) artifacts=$((port + 4)) pool=$((port + 5))
jar=${CALLVEIL_FLINK_JOB_SERVER:-$home/job-server.jar}
network=64m retries=2147483647 with_pool=1 order=child-first more= # as a job that never ends needs it; see batch

say() { echo "deploy/flink.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

# What Flink's own scripts give a Java of version 17, less what only its table API needs.
OPENS=(--add-exports=java.base/sun.net.util=ALL-UNNAMED --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED
  --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.net=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED
  --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.lang.reflect=ALL-UNNAMED --add-opens=java.base/java.text=ALL-UNNAMED
  --add-opens=java.base/java.time=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED
  --add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED --add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED)

install() {
  command -v java >/dev/null || fail 'no Java here; Flink needs 11 or 17 (Debian: openjdk-17-jre-headless)'
  mkdir -p "$home"
  if [ ! -e "$home/lib/flink-dist-$FLINK.jar" ]; then
    # The Python package of Flink's libraries is the distribution; of it the cluster needs flink-dist and the logger.
    local tmp python
    tmp=$(mktemp -d "$home/get.XXXXXX")
    trap 'rm -rf "${tmp:-}"' RETURN
    say "fetching Flink $FLINK"
    python=${PYTHON:-python3}
    [ ! -x "$top/build/uv/bin/python" ] || python=$top/build/uv/bin/python
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tmp" "apache-flink-libraries==$FLINK"
    echo "$FLINK_SHA256  $tmp/apache-flink-libraries-$FLINK.tar.gz" | sha256sum --check --quiet || fail "apache-flink-libraries $FLINK is not the file this script was made for"
    tar --no-same-owner -xzf "$tmp/apache-flink-libraries-$FLINK.tar.gz" -C "$tmp" --strip-components=2 --wildcards "*/deps/lib/flink-dist-$FLINK.jar" '*/deps/lib/log4j-*.jar'
    rm -rf "$home/lib"
    mv "$tmp/lib" "$home/lib"
  fi
  [ -e "$jar" ] && return
  [ -z "${CALLVEIL_FLINK_JOB_SERVER:-}" ] || fail "CALLVEIL_FLINK_JOB_SERVER=$jar is not there"
  command -v mvn >/dev/null || fail 'no Maven here; install it, or set CALLVEIL_FLINK_JOB_SERVER to a beam-runners-flink-1.19-job-server jar'
  say "fetching Beam's job server $BEAM"
  if mvn --batch-mode --quiet --strict-checksums dependency:copy -Dartifact="org.apache.beam:beam-runners-flink-1.19-job-server:$BEAM" -DoutputDirectory="$home/get" >"$home/get.log" 2>&1; then
    mv "$home/get/beam-runners-flink-1.19-job-server-$BEAM.jar" "$jar"
  else
    say "the repository has no ready job server $BEAM (see $home/get.log); putting one together from the parts it has, see deploy/flink/pom.xml"
    mvn --batch-mode --quiet --strict-checksums --file "$here/flink/pom.xml" -DbuildDirectory="$home/make" package >>"$home/get.log" 2>&1 || { tail -20 "$home/get.log" >&2; exit 1; }
    mv "$home/make/job-server.jar" "$jar"
    rm -rf "$home/make"
  fi
}

configure() {
  mkdir -p "$dir/conf" "$dir/log" "$dir/pid" "$dir/tmp" "$dir/checkpoints" "$dir/artifacts"
  cat >"$dir/conf/config.yaml" <<END
jobmanager.rpc.address: localhost
jobmanager.rpc.port: $rpc
jobmanager.bind-host: localhost
blob.server.port: $blob
rest.address: localhost
rest.bind-address: localhost
rest.port: $port
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: ${CALLVEIL_FLINK_SLOTS:-2}
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.task.heap.size: 384m
taskmanager.memory.framework.off-heap.size: 96m
taskmanager.memory.task.off-heap.size: 128m
taskmanager.memory.network.min: $network
taskmanager.memory.network.max: $network
taskmanager.network.sort-shuffle.min-buffers: 64
classloader.resolve-order: $order
taskmanager.memory.managed.size: 32m
taskmanager.memory.jvm-metaspace.size: 192m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
heartbeat.interval: 2000
heartbeat.timeout: 10000
state.backend.type: hashmap
state.checkpoints.dir: file://$dir/checkpoints
state.checkpoints.num-retained: 3
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
execution.checkpointing.tolerable-failed-checkpoints: 100
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: $retries
restart-strategy.fixed-delay.delay: 1 s
io.tmp.dirs: $dir/tmp
END
  cat >"$dir/conf/log4j.properties" <<'END'
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.name = out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n
END
}

alive() { [ -e "$dir/pid/$1" ] && kill -0 "$(cat "$dir/pid/$1")" 2>/dev/null; }

launch() { # ROLE COMMAND ...: in a session of its own, so that a Ctrl-C meant for a command beside it does not reach it
  local role=$1
  shift
  alive "$role" && return
  setsid "$@" >>"$dir/log/$role.log" 2>&1 </dev/null &
  echo $! >"$dir/pid/$role"
}

flink() { # ROLE HEAP METASPACE CLASS [ARG ...]
  local role=$1 heap=$2 meta=$3
  shift 3
  launch "$role" java "-Xms$heap" "-Xmx$heap" "-XX:MaxMetaspaceSize=$meta" -XX:+UseSerialGC "${OPENS[@]}" -Dlog4j.configurationFile="file:$dir/conf/log4j.properties" \
    -cp "$home/lib/*$more" "$1" --configDir "$dir/conf" "${@:2}"
}

begin() { # ROLE
  case $1 in
    jobmanager) flink jobmanager 384m 192m org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint ;;
    taskmanager-*) flink "$1" 512m 192m org.apache.flink.runtime.taskexecutor.TaskManagerRunner -D taskmanager.resource-id="$1-$(date +%s%N)" ;;
    jobserver) launch jobserver java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${OPENS[@]}" -jar "$jar" --flink-master "localhost:$port" --job-host localhost \
      --job-port "$jobs" --artifact-port "$artifacts" --expansion-port 0 --artifacts-dir "$dir/artifacts" ;;
    # The pool starts each worker as `python`: that of this project has to come first.
    pool) launch pool env PATH="$top/.venv/bin:$PATH" python -m apache_beam.runners.worker.worker_pool_main --service_port "$pool" \
      --container_executable "$here/flink/worker.py" ;;
    *) say "no role $1; there are jobmanager, taskmanager-N, jobserver, pool"; exit 2 ;;
  esac
}

end() { # ROLE: ask, and after ten seconds make it; the workers of the pool go with it
  alive "$1" || { rm -f "$dir/pid/$1"; return 0; }
  local id
  id=$(cat "$dir/pid/$1")
  kill -- "-$id" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$id" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 -- "-$id" 2>/dev/null || true
  rm -f "$dir/pid/$1"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

await() { # CONDITION ...: up to a minute
  local role
  for _ in $(seq 300); do
    "$@" && return
    for role in $(roles); do
      alive "$role" || { tail -n 30 "$dir/log/$role.log" >&2; fail "$role ended; its log is $dir/log/$role.log"; }
    done
    sleep 0.2
  done
  fail "the cluster is not ready after a minute; its logs are in $dir/log"
}

registered() { curl -sf "http://localhost:$port/taskmanagers" | grep -o '"path"' | wc -l | grep -qx "$1"; }

roles() { find "$dir/pid" -type f -printf '%f\n' 2>/dev/null | sort; }

start() {
  local n=${1:-1} i
  install
  configure
  for p in "$port" "$rpc" "$blob" "$jobs" "$artifacts" "$pool"; do
    listening "$p" && fail "port $p is taken; stop what uses it (deploy/flink.sh stop), or set CALLVEIL_FLINK_PORT"
  done
  trap 'stop' ERR
  begin jobmanager
  begin jobserver
  [ -z "$with_pool" ] || begin pool
  for i in $(seq "$n"); do begin "taskmanager-$i"; done
  await registered "$n"
  await listening "$jobs"
  [ -z "$with_pool" ] || await listening "$pool"
  trap - ERR
}

stop() {
  local role
  for role in $(roles); do end "$role" & done
  wait
}

status() {
  local role lost=0
  [ -n "$(roles)" ] || { say "no cluster was started in $dir"; return 1; }
  for role in $(roles); do
    if alive "$role"; then echo "$role $(cat "$dir/pid/$role") runs"; else echo "$role $(cat "$dir/pid/$role") is gone"; lost=1; fi
  done
  return $lost
}

options() {
  printf '%s\n' --runner=PortableRunner "--job_endpoint=localhost:$jobs" --environment_type=EXTERNAL "--environment_config=localhost:$pool" --streaming \
    --parallelism=1 --sdk_worker_parallelism="${CALLVEIL_FLINK_WORKERS:-2}" \
    --checkpointing_interval="${CALLVEIL_FLINK_CHECKPOINT_MS:-2000}" --max_bundle_time_mills=50 --max_bundle_size=100 \
    --externalized_checkpoints_enabled --retain_externalized_checkpoints_on_cancellation
}

batch_options() { # TASKMANAGERS
  # Each TaskManager starts its own worker: of a pool that two share, the first one to be done stops the other's, for both call theirs by one name.
  # Kept from step to step, a worker loads the model once.
  printf '%s\n' --runner=PortableRunner "--job_endpoint=localhost:$jobs" --environment_type=PROCESS \
    "--environment_config={\"command\": \"$here/flink/worker.py\", \"env\": {\"PATH\": \"$top/.venv/bin:/usr/bin:/bin\"}}" \
    --environment_cache_millis=600000 "--parallelism=$1" --sdk_worker_parallelism=1 --experiments=disable_logging_submission_environment
}

batch() { # TASKMANAGERS COMMAND ...
  local n=$1 options code=0
  shift
  case $n in '' | *[!0-9]* | 0) say "--task-managers: expected a whole number of at least 1"; exit 2 ;; esac
  [ $# -gt 0 ] || { say "--task-managers $n: name a command of callveil, such as redact"; exit 2; }
  # A step that fails is tried twice more; then the job fails, and the same command goes on where it was.
  network=192m retries=2 with_pool=
  # Beam keeps workers only where it is loaded along with Flink, not anew for each job (FlinkExecutableStageContextFactory).
  order=parent-first more=:$jar
  trap stop EXIT
  trap 'exit 143' TERM
  CALLVEIL_FLINK_SLOTS=1 start "$n"
  mapfile -t options < <(batch_options "$n")
  "$top/.venv/bin/callveil" "$@" "${options[@]}" || code=$?
  exit "$code"
}

checkpoint() {
  local found
  found=$(find "$dir/checkpoints/${1:-}" -path '*/chk-*/_metadata' -printf '%T@ %h\n' 2>/dev/null | sort -n | tail -1 | cut -d' ' -f2)
  [ -n "$found" ] || { say "no complete checkpoint below $dir/checkpoints/${1:-}"; return 1; }
  echo "file://$found"
}

case ${1:-} in
  install | start | stop | status | options | checkpoint) "$@" ;;
  --task-managers) batch "${2:-}" "${@:3}" ;;
  restart) end "${2:?which role}"; begin "$2" ;;
  run)
    shift
    start "${CALLVEIL_FLINK_TASKMANAGERS:-1}"
    trap stop EXIT
    CALLVEIL_FLINK_OPTIONS=$(options) "$@"
    ;;
  *) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
