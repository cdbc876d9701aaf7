#!/bin/sh
# Makes the secret files of Redis pages, with random passwords: once, on a machine that you trust. hagen knows none of them.
#
#   secrets.sh DIRECTORY
#
# What is there already is left alone; users.acl is made anew from the password files, so a changed password needs only its file removed.
set -eu
umask 077
directory=${1:?usage: secrets.sh DIRECTORY}
mkdir -p "$directory"
cd "$directory"

# password FILE: a new one where there is none.
password() {
  if [ ! -s "$1" ]; then
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$1.new"
    mv "$1.new" "$1"
    echo "made $1"
  fi
}

# user NAME FILE RULES…: one line of the ACL; it holds a hash, not the password.
user() {
  name=$1
  hash=$(tr -d '\n' <"$2" | sha256sum | cut -d ' ' -f 1)
  shift 2
  echo "user $name on #$hash $*"
}

# quoted FILE: as Redis reads a word with blanks, quotes or backslashes in it.
quoted() { printf '"%s"' "$(tr -d '\n' <"$1" | sed 's/[\\"]/\\&/g')"; }

password app-password
password replica-password
password operator-password
password monitor-password
password sentinel-password

{
  # Nobody is let in without a name.
  echo 'user default off'
  user app app-password '~* &* +@all -@admin -@dangerous +info +role'
  user replica replica-password '+psync +replconf +ping'
  user operator operator-password '~* &* +@all -flushall -flushdb -debug'
  user monitor monitor-password '+ping +info +config|get +slowlog|get +slowlog|len +latency|latest +latency|histogram +cluster|info +cluster|nodes +cluster|slots +client|setname +dbsize'
  user sentinel sentinel-password '&* +ping +info +role +publish +subscribe +multi +exec +slaveof +replicaof +config|rewrite +client|setname +client|kill +script|kill'
} >users.acl.new
mv users.acl.new users.acl
{
  printf 'masterauth %s\n' "$(quoted replica-password)"
} >secrets.conf.new
mv secrets.conf.new secrets.conf
{
  echo 'user default off'
  user app app-password '&* +ping +info +role +subscribe +psubscribe +client|setname +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas +sentinel|slaves +sentinel|sentinels'
  user replica replica-password '+ping +sentinel|master'
  user operator operator-password '&* +@all'
  user monitor monitor-password '+ping +info +client|setname +sentinel|masters +sentinel|sentinels +sentinel|slaves +sentinel|replicas +sentinel|ckquorum'
  user sentinel sentinel-password '&* +ping +publish +client|setname +sentinel|is-master-down-by-addr +sentinel|master +sentinel|replicas'
} >sentinel.acl.new
mv sentinel.acl.new sentinel.acl
{
  printf 'sentinel auth-pass %s %s\n' pages "$(quoted sentinel-password)"
  printf 'sentinel sentinel-pass %s\n' "$(quoted sentinel-password)"
} >sentinel-secrets.conf.new
mv sentinel-secrets.conf.new sentinel-secrets.conf
{
  printf 'REDIS_PASSWORD="'
  sed 's/[\\"`$]/\\&/g' monitor-password | tr -d '\n'
  printf '"\n'
} >exporter.env.new
mv exporter.env.new exporter.env
echo "wrote users.acl and secrets.conf, what the sentinels read, and exporter.env in $directory"
