#!/usr/bin/env bash
# Applies the health checks and record sets in this directory to Route 53. Run it as often as you like.
#
#   ./apply.sh --dry-run     show what would change
#   ./apply.sh               change it
#
# It needs bash, awk, sed and the AWS CLI (1 or 2), and no jq: every answer is taken as lines with --query and --output text.
# It creates and updates; it deletes nothing. What is left over is listed for people to decide.
# Credentials, region and endpoint (AWS_ENDPOINT_URL) are those of the AWS CLI.
#
# Exit: 0 done; 1 a call to AWS failed; 2 usage, or something is missing here; 3 the hosted zone is another one;
#       4 records of another form stand in the way; 5 Route 53 did not take a change over in time.
set -euo pipefail
export LC_ALL=C AWS_PAGER="" AWS_RETRY_MODE="${AWS_RETRY_MODE:-standard}"
# Route 53 takes five requests a second from an account (F-DN-12); the CLI waits and tries again.
export AWS_MAX_ATTEMPTS="${AWS_MAX_ATTEMPTS:-10}"

readonly system=desk
readonly zone_name=example.com
readonly rendered_zone=Z0931127EXAMPLE
# What the CallerReference of each health check of this blueprint and environment begins with.
readonly prefix=hagen-49be417a-

zone_id=$rendered_zone
timeout=300
dry_run=false
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tab=$(printf '\t')

say() { printf '%s\n' "$*"; }
die() {
  local status=$1
  shift
  printf 'apply.sh: %s\n' "$*" >&2
  exit "$status"
}
usage() {
  say "usage: apply.sh [--dry-run] [--zone-id ID] [--timeout SECONDS]"
  say "  --dry-run          show what would change and change nothing"
  say "  --zone-id ID       another hosted zone of the same name, for a rehearsal"
  say "  --timeout SECONDS  how long to wait for each change to reach all name servers (300)"
}

while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=true ;;
    --zone-id | --timeout)
      [ $# -ge 2 ] || die 2 "$1 needs a value"
      if [ "$1" = --zone-id ]; then zone_id=${2#/hostedzone/}; else timeout=$2; fi
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      die 2 "unknown argument: $1"
      ;;
  esac
  shift
done
case $zone_id in *[!A-Z0-9]* | "") die 2 "--zone-id: '$zone_id' is no id of a hosted zone" ;; esac
case $timeout in *[!0-9]* | "") die 2 "--timeout: '$timeout' is no number of seconds" ;; esac
command -v aws >/dev/null || die 2 "the AWS CLI (aws) is not installed"
[ -r "$here/plan.tsv" ] || die 2 "plan.tsv is missing beside apply.sh: render again"

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# The zone first: the id alone does not tell whether it is the right one, or the private twin of it.
check_zone() {
  local answer
  answer=$(aws route53 get-hosted-zone --id "$zone_id" --query 'HostedZone.[Name,Config.PrivateZone]' --output text) ||
    die 1 "the hosted zone $zone_id cannot be read"
  case $answer in
    "$zone_name.${tab}True") die 3 "$zone_id is a private hosted zone; health checks from the outside need the public one" ;;
    "$zone_name.$tab"*) ;;
    *) die 3 "$zone_id is the zone of '${answer%%"$tab"*}', not of '$zone_name.'" ;;
  esac
}

# One listing of each; the CLI follows the pages.
list() {
  # shellcheck disable=SC2016  # backquotes are JMESPath's
  aws route53 list-health-checks --output text --query \
    'HealthChecks[?starts_with(CallerReference, `'"$prefix"'`)].[CallerReference, Id, join(`,`, sort(HealthCheckConfig.ChildHealthChecks || `[]`)), HealthCheckConfig.Disabled]' \
    >"$work/checks" || die 1 "the health checks cannot be listed"
  aws route53 list-resource-record-sets --hosted-zone-id "$zone_id" --output text --query \
    'ResourceRecordSets[].[Name, Type, SetIdentifier, Failover, GeoLocation.ContinentCode, GeoLocation.CountryCode, HealthCheckId, AliasTarget.HostedZoneId, AliasTarget.DNSName, AliasTarget.EvaluateTargetHealth]' \
    >"$work/listed" || die 1 "the record sets cannot be listed"
  # Names without their final dot, as in the plan.
  awk -F'\t' -v OFS='\t' '{ sub(/\.$/, "", $1); sub(/\.$/, "", $9); print }' "$work/listed" >"$work/live"
}

# What stands in the zone under our names. `way` is in the way of an UPSERT: Route 53 keeps one routing policy for a name
# and type, one record for a location or rank, and no CNAME beside anything. `left` is merely no longer wanted.
survey() {
  awk -F'\t' -v way="$work/way" -v left="$work/left" '
    function policy(id, rank, continent, country) {
      if (rank != "None") return "failover"
      if (continent != "None" || country != "None") return "geolocation"
      return id == "None" ? "simple" : "other"
    }
    FNR == NR {
      if ($1 != "record") next
      name[$3] = 1
      wanted[$3, $4, $5] = 1
      policies[$3, $4] = policy($5, $6, $7, $8)
      place[$3, $4, $6, $7, $8] = $5
      next
    }
    {
      ours = ($1 in name) || index($1, ".failover.") > 0 && (substr($1, index($1, ".failover.") + 10) in name)
      if (!ours || $2 != "A" && $2 != "AAAA" && $2 != "CNAME") next
      if (($1, $2, $3) in wanted && policies[$1, $2] == policy($3, $4, $5, $6)) next
      blocks = ($1 in name) && ($2 == "CNAME" || ($1, $2) in policies && policies[$1, $2] != policy($3, $4, $5, $6))
      if (($1, $2, $4, $5, $6) in place && place[$1, $2, $4, $5, $6] != $3) blocks = 1
      print "  " $1 " " $2 ($3 == "None" ? "" : ", set identifier " $3) > (blocks ? way : left)
    }' "$here/plan.tsv" "$work/live"
  if [ -s "$work/way" ]; then
    cat "$work/way" >&2
    die 4 "these records stand in the way, and Route 53 would refuse the change: delete them by hand, then run this again"
  fi
}

# The id of a live check: under its reference, or under the reference with a number behind it (see create).
live_id() {
  awk -F'\t' -v ref="$1" '
    $1 == ref || index($1, ref "-") == 1 && substr($1, length(ref) + 2) ~ /^[0-9]+$/ { print $2; exit }' "$work/checks"
}

# AWS refuses the CallerReference of a deleted check for days, so a check that somebody deleted gets a number behind it.
create() {
  local reference=$1 body=$2 attempt=1 id
  until id=$(aws route53 create-health-check --cli-input-json "file://$body" --caller-reference "$reference" \
    --query HealthCheck.Id --output text 2>"$work/error"); do
    if ! grep -q HealthCheckAlreadyExists "$work/error" || [ "$attempt" -ge 99 ]; then
      cat "$work/error" >&2
      return 1
    fi
    attempt=$((attempt + 1))
    reference=$1-$attempt
  done
  printf '%s' "$id"
}

fill() { sed -f "$work/fill.sed" "$1" >"$2"; }

health_checks() {
  local kind reference file children id body old
  while IFS=$tab read -r kind reference file children; do
    [ "$kind" = check ] || continue
    id=$(live_id "$reference")
    body="$work/check.json"
    fill "$here/health-checks/$file.json" "$body"
    if [ -z "$id" ] && $dry_run; then
      say "health check $file: would be created"
      id=NEW-${reference#"$prefix"}
    elif [ -z "$id" ]; then
      id=$(create "$reference" "$body") || die 1 "health check $file could not be created"
      say "health check $file: created, $id"
    else
      say "health check $file: there, $id"
      switched_on "$file" "$id"
    fi
    case $id in *[!A-Za-z0-9-]* | "") die 1 "health check $file: '$id' is no id" ;; esac
    printf 's/@%s@/%s/g\n' "$reference" "$id" >>"$work/fill.sed"
    $dry_run || tag "$file"
    [ "$children" = None ] || join_children "$file" "$id" "$children"
  done <"$here/plan.tsv"
  old=$(awk -F'\t' '
    FNR == NR { if ($1 == "check") wanted[$2] = 1; next }
    { base = $1; if (split(base, part, "-") == 4) base = part[1] "-" part[2] "-" part[3] }
    !(base in wanted) { print "  " $2 " (" $1 ")" }' "$here/plan.tsv" "$work/checks")
  if [ -n "$old" ]; then
    say "health checks of $system that nothing here uses; they stay, and an older output may still need them:"
    say "$old"
  fi
}

tag() {
  fill "$here/health-checks/$1.tags.json" "$work/tags.json"
  aws route53 change-tags-for-resource --cli-input-json "file://$work/tags.json" ||
    die 1 "health check $1 could not be tagged"
}

# A check that somebody disabled counts as healthy for ever (R-DN-19). It may be on purpose, so it is only said.
switched_on() {
  local state
  state=$(awk -F'\t' -v id="$2" '$2 == id { print $4 }' "$work/checks")
  [ "$state" = True ] || return 0
  say "health check $1: DISABLED, so it counts as healthy whatever happens; to enable it:"
  say "  aws route53 update-health-check --health-check-id $2 --no-disabled"
}

# A check that adds up names its children by their ids: it follows when one of them had to be created again.
join_children() {
  local file=$1 id=$2 wanted live
  wanted=$(printf '%s\n' "$3" | sed -f "$work/fill.sed" | tr , '\n' | sort)
  live=$(awk -F'\t' -v id="$id" '$2 == id { print $3 }' "$work/checks" | tr , '\n' | sort)
  [ -n "$live" ] && [ "$wanted" != "$live" ] || return 0
  say "health check $file: children change"
  $dry_run && return 0
  # shellcheck disable=SC2086  # one argument for each id
  aws route53 update-health-check --health-check-id "$id" --child-health-checks $wanted --query HealthCheck.Id \
    --output text >"$work/updated" || die 1 "health check $file could not be updated"
}

# Every record of the plan with + (new), ~ (other than it should be) or = (as it should be) in front.
compare() {
  sed -f "$work/fill.sed" "$here/plan.tsv" | awk -F'\t' '
    FNR == NR { live[$1, $2, $3] = $0; next }
    $1 == "record" {
      row = $3
      for (i = 4; i <= NF; i++) row = row FS $i
      mark = ($3, $4, $5) in live ? (tolower(live[$3, $4, $5]) == tolower(row) ? "=" : "~") : "+"
      print mark FS $2 FS $3 " " $4 ($5 == "None" ? "" : ", " $5) " -> " $11
    }' "$work/live" - >"$work/compared"
}

# Each batch is a whole or nothing; the next one points to what this one wrote, so it waits until all servers have it.
records() {
  local kind batch change
  while IFS=$tab read -r kind batch _; do
    [ "$kind" = batch ] || continue
    if ! awk -F'\t' -v batch="$batch" '$2 == batch && $1 != "=" { found = 1 } END { exit !found }' "$work/compared"; then
      say "batch $batch: nothing to change"
      continue
    fi
    awk -F'\t' -v batch="$batch" '$2 == batch && $1 != "=" { print "  " $1 " " $3 }' "$work/compared"
    if $dry_run; then
      say "batch $batch: would be applied"
      continue
    fi
    fill "$here/batches/$batch.json" "$work/batch.json"
    if grep -q '@hagen-' "$work/batch.json"; then die 2 "batches/$batch.json names a health check that plan.tsv does not: render again"; fi
    change=$(aws route53 change-resource-record-sets --cli-input-json "file://$work/batch.json" \
      --query ChangeInfo.Id --output text) || die 1 "batch $batch was refused; what came before it is in place"
    wait_for "$batch" "$change"
    say "batch $batch: applied"
  done <"$here/plan.tsv"
}

wait_for() {
  local batch=$1 change=$2 status started=$SECONDS
  while :; do
    status=$(aws route53 get-change --id "$change" --query ChangeInfo.Status --output text) ||
      die 1 "batch $batch: the change $change cannot be read"
    [ "$status" != INSYNC ] || return 0
    [ $((SECONDS - started)) -lt "$timeout" ] ||
      die 5 "batch $batch: $change is still $status after $timeout s; Route 53 goes on with it: run this again later"
    sleep 5
  done
}

# A rehearsal in another zone: aliases within the zone must name that one.
printf 's/"%s"/"%s"/g\ns/%s%s%s/%s%s%s/g\n' "$rendered_zone" "$zone_id" \
  "$tab" "$rendered_zone" "$tab" "$tab" "$zone_id" "$tab" >"$work/fill.sed"
check_zone
list
survey
health_checks
compare
records
if [ -s "$work/left" ]; then
  say "records under these names that nothing here describes; they stay:"
  cat "$work/left"
fi
