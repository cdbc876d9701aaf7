//! The words that programs know whose files have no schema: options, directives, keywords. Taken from the manuals of
//! PgBouncer 1.18 to 1.24, pgBackRest 2.45 to 2.56, Redis 6.2 to 8, HAProxy 2.4 to 3.2 and systemd 252 to 257.

/// Options of `[pgbouncer]`.
pub const PGBOUNCER: &str = "logfile pidfile listen_addr listen_port unix_socket_dir unix_socket_mode unix_socket_group \
    user pool_mode max_client_conn default_pool_size min_pool_size reserve_pool_size reserve_pool_timeout \
    max_db_connections max_db_client_connections max_user_connections max_user_client_connections server_round_robin \
    track_extra_parameters ignore_startup_parameters peer_id disable_pqexec application_name_add_host conffile \
    service_name stats_period max_prepared_statements auth_type auth_hba_file auth_ident_file auth_file auth_user \
    auth_query auth_dbname auth_ldap_options syslog syslog_ident syslog_facility log_connections log_disconnections \
    log_pooler_errors log_stats verbose admin_users stats_users server_reset_query server_reset_query_always \
    server_check_delay server_check_query server_fast_close server_lifetime server_idle_timeout server_connect_timeout \
    server_login_retry client_login_timeout autodb_idle_timeout dns_max_ttl dns_nxdomain_ttl dns_zone_check_period \
    resolv_conf client_tls_sslmode client_tls_key_file client_tls_cert_file client_tls_ca_file client_tls_protocols \
    client_tls_ciphers client_tls13_ciphers client_tls_ecdhcurve client_tls_dheparams server_tls_sslmode \
    server_tls_ca_file server_tls_key_file server_tls_cert_file server_tls_protocols server_tls_ciphers \
    server_tls13_ciphers query_timeout query_wait_timeout cancel_wait_timeout client_idle_timeout \
    idle_transaction_timeout transaction_timeout suspend_timeout pkt_buf max_packet_size listen_backlog sbuf_loopcnt \
    so_reuseport tcp_defer_accept tcp_socket_buffer tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl \
    tcp_user_timeout load_balance_hosts scram_iterations query_wait_notify";

/// Keys of a connection string in `[databases]`; a password never stands there.
pub const PGBOUNCER_DATABASE: &str = "dbname host port user auth_user auth_query auth_dbname pool_size min_pool_size \
    reserve_pool reserve_pool_size connect_query client_encoding datestyle timezone pool_mode load_balance_hosts \
    max_db_connections max_db_client_connections server_lifetime application_name";

/// Options of pgBackRest; `repo#-` and `pg#-` stand for numbered ones. Keys and passphrases are left out on purpose.
pub const PGBACKREST: &str = "annotation archive-async archive-check archive-copy archive-get-queue-max archive-header-check \
    archive-missing-retry archive-mode archive-mode-check archive-push-queue-max archive-timeout backup-standby buffer-size \
    checksum-page cipher-type cmd cmd-ssh compress compress-level compress-level-network compress-type db-exclude \
    db-include db-timeout delta dry-run exclude expire-auto force io-timeout job-retry job-retry-interval link-all link-map lock-path \
    log-level-console log-level-file log-level-stderr log-path log-subprocess log-timestamp manifest-save-threshold \
    neutral-umask online page-header-check priority process-max protocol-timeout raw recovery-option resume sck-block sck-keep-alive \
    spool-path start-fast stop-auto tablespace-map tablespace-map-all target target-action target-exclusive target-timeline \
    tcp-keep-alive-count tcp-keep-alive-idle tcp-keep-alive-interval tls-server-address tls-server-auth \
    tls-server-ca-file tls-server-cert-file tls-server-key-file tls-server-port type \
    repo#-azure-account repo#-azure-container repo#-azure-endpoint repo#-azure-key-type repo#-azure-uri-style repo#-block \
    repo#-bundle repo#-bundle-limit repo#-bundle-size repo#-cipher-type repo#-gcs-bucket repo#-gcs-endpoint repo#-gcs-key repo#-gcs-key-type \
    repo#-gcs-user-project repo#-hardlink repo#-host repo#-host-ca-file repo#-host-ca-path repo#-host-cert-file repo#-host-cmd \
    repo#-host-config repo#-host-config-include-path repo#-host-config-path repo#-host-key-file repo#-host-port \
    repo#-host-type repo#-host-user repo#-local repo#-path repo#-retention-archive repo#-retention-archive-type \
    repo#-retention-diff repo#-retention-full repo#-retention-full-type repo#-retention-history repo#-s3-bucket repo#-s3-endpoint \
    repo#-s3-key-type repo#-s3-kms-key-id repo#-s3-region repo#-s3-requester-pays repo#-s3-role repo#-s3-uri-style \
    repo#-sftp-host repo#-sftp-host-fingerprint repo#-sftp-host-key-check-type repo#-sftp-host-key-hash-type \
    repo#-sftp-host-port repo#-sftp-host-user repo#-sftp-known-host repo#-sftp-private-key-file repo#-sftp-public-key-file \
    repo#-storage-ca-file repo#-storage-ca-path repo#-storage-host repo#-storage-port repo#-storage-tag \
    repo#-storage-upload-chunk-size repo#-storage-verify-tls repo#-symlink repo#-target-time repo#-type \
    pg#-database pg#-host pg#-host-ca-file pg#-host-ca-path pg#-host-cert-file pg#-host-cmd pg#-host-config \
    pg#-host-config-include-path pg#-host-config-path pg#-host-key-file pg#-host-port pg#-host-type pg#-host-user pg#-local \
    pg#-path pg#-port pg#-socket-path pg#-user pg-version-force";

/// Directives of redis.conf that take one value.
pub const REDIS_ONE: &str = "acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min \
    active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper \
    active-expire-effort activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-incremental-fsync \
    aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename appendfsync appendonly \
    auto-aof-rewrite-min-size auto-aof-rewrite-percentage bgsave_cpulist bind-source-addr bio_cpulist busy-reply-threshold \
    client-query-buffer-limit cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down \
    cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-hostname cluster-announce-human-nodename \
    cluster-announce-ip cluster-announce-port cluster-announce-tls-port cluster-config-file cluster-enabled \
    cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout cluster-port cluster-preferred-endpoint-type \
    cluster-replica-no-failover cluster-replica-validity-factor cluster-require-full-coverage crash-log-enabled \
    crash-memcheck-enabled daemonize databases dbfilename dir disable-thp dynamic-hz enable-debug-command \
    enable-module-command enable-protected-configs hash-max-listpack-entries hash-max-listpack-value hide-user-data-from-log \
    hll-sparse-max-bytes hz ignore-warnings include io-threads io-threads-do-reads jemalloc-bg-thread key-load-delay \
    latency-monitor-threshold latency-tracking lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del \
    lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time lfu-log-factor list-compress-depth \
    list-max-listpack-size locale-collate logfile loglevel lookahead lua-time-limit max-new-connections-per-cycle \
    max-new-tls-connections-per-cycle maxclients maxmemory maxmemory-clients maxmemory-eviction-tenacity maxmemory-policy \
    maxmemory-samples min-replicas-max-lag min-replicas-to-write no-appendfsync-on-rewrite notify-keyspace-events \
    oom-score-adj pidfile port proc-title-template proto-max-bulk-len protected-mode rdb-del-sync-files \
    rdb-save-incremental-fsync rdbchecksum rdbcompression repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay \
    repl-diskless-load repl-diskless-sync repl-diskless-sync-delay repl-diskless-sync-max-replicas \
    repl-min-slaves-max-lag repl-ping-replica-period repl-timeout replica-announce-ip replica-announce-port \
    replica-announced replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory \
    replica-lazy-flush replica-priority replica-read-only replica-serve-stale-data sanitize-dump-payload set-max-intset-entries \
    set-max-listpack-entries set-max-listpack-value set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout \
    slave-announce-ip slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error \
    stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility syslog-ident tcp-backlog \
    tcp-keepalive timeout tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites \
    tls-client-cert-file tls-client-key-file tls-cluster tls-dh-params-file tls-key-file tls-port \
    tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size tls-session-cache-timeout \
    tls-session-caching tracking-table-max-keys unixsocket unixsocketperm unload-module \
    zset-max-listpack-entries zset-max-listpack-value masteruser";

/// Directives of redis.conf that take more: name, least and most values.
pub const REDIS_MANY: [(&str, usize, usize); 9] = [
    ("bind", 1, 16),
    ("client-output-buffer-limit", 4, 12),
    ("latency-tracking-info-percentiles", 0, 64),
    ("loadmodule", 1, 64),
    ("oom-score-adj-values", 3, 3),
    ("rename-command", 2, 2),
    ("replicaof", 2, 2),
    ("save", 1, 64),
    ("user", 1, 64),
];

/// Sub-commands of `sentinel` in sentinel.conf, with the number of values behind them.
pub const SENTINEL: [(&str, usize, usize); 15] = [
    ("myid", 1, 1),
    ("monitor", 4, 4),
    ("down-after-milliseconds", 2, 2),
    ("failover-timeout", 2, 2),
    ("parallel-syncs", 2, 2),
    ("auth-user", 2, 2),
    ("sentinel-user", 1, 1),
    ("resolve-hostnames", 1, 1),
    ("announce-hostnames", 1, 1),
    ("announce-ip", 1, 1),
    ("announce-port", 1, 1),
    ("deny-scripts-reconfig", 1, 1),
    ("notification-script", 2, 2),
    ("client-reconfig-script", 2, 2),
    ("master-reboot-down-after-period", 2, 2),
];

/// Keywords of `global` in haproxy.cfg.
pub const HAPROXY_GLOBAL: &str = "ca-base chroot cluster-secret cpu-map cpu-policy crt-base daemon default-path description gid group \
    grace h1-case-adjust hard-stop-after hash-balance-factor http-fail-codes insecure-fork-wanted insecure-setuid-wanted \
    issuers-chain-path limited-quic localpeer log log-send-hostname log-tag lua-load master-worker maxcompcpuusage \
    maxcomprate maxconn maxconnrate maxpipes maxsessrate maxsslconn maxsslrate mworker-max-reloads nbthread \
    no-quic node noepoll nokqueue nopoll noreuseport numa-cpu-mapping pidfile pp2-never-send-local presetenv \
    profiling.tasks resetenv server-state-base server-state-file setenv set-dumpable set-var spread-checks \
    ssl-default-bind-ciphers ssl-default-bind-ciphersuites ssl-default-bind-curves ssl-default-bind-options \
    ssl-default-server-ciphers ssl-default-server-ciphersuites ssl-default-server-options ssl-dh-param-file ssl-engine \
    ssl-load-extra-files ssl-mode-async ssl-server-verify stats strict-limits thread-group thread-groups uid ulimit-n \
    unix-bind unsetenv user wurfl-data-file zero-warning";

/// Keywords of `defaults`, `listen`, `frontend` and `backend` in haproxy.cfg.
pub const HAPROXY_PROXY: &str = "acl backlog balance bind capture clitcpka-cnt clitcpka-idle clitcpka-intvl compression cookie \
    declare default-server default_backend description disabled dispatch dynamic-cookie-key email-alert enabled errorfile \
    errorfiles errorloc errorloc302 errorloc303 external-check filter force-persist fullconn guid \
    hash-balance-factor hash-preserve-affinity hash-type http-after-response http-check http-error http-request http-response http-reuse \
    http-send-name-header id ignore-persist load-server-state-from-file log log-format log-format-sd log-steps log-tag \
    max-keep-alive-queue max-session-srv-conns maxconn mode monitor monitor-uri no option persist quic-initial rate-limit redirect \
    retries retry-on server server-state-file-name server-template source srvtcpka-cnt srvtcpka-idle srvtcpka-intvl stats \
    stick stick-table tcp-check tcp-request tcp-response timeout transparent unique-id-format unique-id-header use-fcgi-app \
    use-server use_backend";

/// Sections of haproxy.cfg whose lines are not looked at one by one.
pub const HAPROXY_OTHER: &str =
    "peers resolvers userlist mailers cache program http-errors ring log-forward fcgi-app crt-store traces";

/// What `timeout` takes in haproxy.cfg.
pub const HAPROXY_TIMEOUTS: &str =
    "check client client-fin client-hs connect http-keep-alive http-request queue server server-fin tarpit tunnel";

/// Directives of `[Unit]`.
pub const SYSTEMD_UNIT: &str = "Description Documentation Wants Requires Requisite BindsTo PartOf Upholds Conflicts Before After \
    OnFailure OnSuccess PropagatesReloadTo ReloadPropagatedFrom PropagatesStopTo StopPropagatedFrom JoinsNamespaceOf \
    RequiresMountsFor WantsMountsFor OnFailureJobMode OnSuccessJobMode IgnoreOnIsolate StopWhenUnneeded RefuseManualStart \
    RefuseManualStop AllowIsolate DefaultDependencies SurviveFinalKillSignal CollectMode FailureAction SuccessAction \
    FailureActionExitStatus SuccessActionExitStatus JobTimeoutSec JobRunningTimeoutSec JobTimeoutAction \
    StartLimitIntervalSec StartLimitBurst StartLimitAction RebootArgument SourcePath ConditionArchitecture ConditionPathExists \
    ConditionPathIsDirectory ConditionPathIsMountPoint ConditionDirectoryNotEmpty ConditionFileNotEmpty \
    ConditionFileIsExecutable ConditionUser ConditionGroup ConditionHost ConditionVirtualization AssertPathExists \
    AssertPathIsDirectory AssertFileNotEmpty AssertFileIsExecutable";

/// Directives of `[Install]`.
pub const SYSTEMD_INSTALL: &str = "Alias WantedBy RequiredBy UpheldBy Also DefaultInstance";

/// Directives of `[Timer]`.
pub const SYSTEMD_TIMER: &str = "OnActiveSec OnBootSec OnStartupSec OnUnitActiveSec OnUnitInactiveSec OnCalendar AccuracySec \
    RandomizedDelaySec FixedRandomDelay DeferReactivation OnClockChange OnTimezoneChange Unit Persistent WakeSystem \
    RemainAfterElapse";

/// Directives of `[Slice]`, and those of resource control that `[Service]` takes as well.
pub const SYSTEMD_SLICE: &str = "CPUAccounting CPUWeight StartupCPUWeight CPUQuota CPUQuotaPeriodSec AllowedCPUs AllowedMemoryNodes \
    MemoryAccounting MemoryMin MemoryLow MemoryHigh MemoryMax MemorySwapMax MemoryZSwapMax TasksAccounting TasksMax IOAccounting \
    IOWeight IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax IPAccounting IPAddressAllow \
    IPAddressDeny DeviceAllow DevicePolicy Slice Delegate ManagedOOMSwap ManagedOOMMemoryPressure SocketBindAllow \
    SocketBindDeny RestrictNetworkInterfaces";

/// Directives of `[Service]`.
pub const SYSTEMD_SERVICE: &str = "Type ExitType RemainAfterExit GuessMainPID PIDFile BusName ExecStart ExecStartPre ExecStartPost \
    ExecCondition ExecReload ExecStop ExecStopPost RestartSec RestartSteps RestartMaxDelaySec TimeoutStartSec TimeoutStopSec \
    TimeoutAbortSec TimeoutSec TimeoutStartFailureMode TimeoutStopFailureMode RuntimeMaxSec RuntimeRandomizedExtraSec \
    WatchdogSec Restart RestartMode SuccessExitStatus RestartPreventExitStatus RestartForceExitStatus RootDirectoryStartOnly \
    NonBlocking NotifyAccess Sockets FileDescriptorStoreMax USBFunctionDescriptors OOMPolicy OpenFile ReloadSignal KillMode \
    KillSignal RestartKillSignal SendSIGHUP SendSIGKILL FinalKillSignal WatchdogSignal ExecPaths NoExecPaths WorkingDirectory \
    RootDirectory RootImage ProtectProc ProcSubset BindPaths BindReadOnlyPaths MountAPIVFS User Group DynamicUser SupplementaryGroups \
    PAMName CapabilityBoundingSet AmbientCapabilities NoNewPrivileges SecureBits LimitCPU LimitFSIZE LimitDATA LimitSTACK \
    LimitCORE LimitRSS LimitNOFILE LimitAS LimitNPROC LimitMEMLOCK LimitLOCKS LimitSIGPENDING LimitMSGQUEUE LimitNICE LimitRTPRIO \
    LimitRTTIME UMask CoredumpFilter KeyringMode OOMScoreAdjust TimerSlackNSec Personality IgnoreSIGPIPE Nice \
    CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUAffinity NUMAPolicy NUMAMask IOSchedulingClass \
    IOSchedulingPriority ProtectSystem ProtectHome RuntimeDirectory StateDirectory CacheDirectory LogsDirectory \
    ConfigurationDirectory RuntimeDirectoryMode StateDirectoryMode CacheDirectoryMode LogsDirectoryMode \
    ConfigurationDirectoryMode RuntimeDirectoryPreserve TimeoutCleanSec ReadWritePaths ReadOnlyPaths InaccessiblePaths \
    TemporaryFileSystem PrivateTmp PrivateDevices PrivateNetwork NetworkNamespacePath PrivateIPC IPCNamespacePath MemoryKSM \
    PrivateUsers ProtectHostname ProtectClock ProtectKernelTunables ProtectKernelModules ProtectKernelLogs \
    ProtectControlGroups RestrictAddressFamilies RestrictFileSystems RestrictNamespaces LockPersonality \
    MemoryDenyWriteExecute RestrictRealtime RestrictSUIDSGID RemoveIPC PrivateMounts MountFlags SystemCallFilter \
    SystemCallErrorNumber SystemCallArchitectures SystemCallLog Environment EnvironmentFile PassEnvironment UnsetEnvironment \
    StandardInput StandardOutput StandardError StandardInputText StandardInputData LogLevelMax LogExtraFields \
    LogRateLimitIntervalSec LogRateLimitBurst LogFilterPatterns LogNamespace SyslogIdentifier SyslogFacility SyslogLevel \
    SyslogLevelPrefix TTYPath TTYReset LoadCredential LoadCredentialEncrypted ImportCredential SetCredential \
    SetCredentialEncrypted UtmpIdentifier UtmpMode";

/// Whether a list of words has a word.
pub fn has(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split_ascii_whitespace().any(|known| known == word)
}

/// The word of a list that is nearest to one that is not in it, as the end of a sentence.
pub fn hint(lists: &[&str], word: &str) -> String {
    let words = lists.iter().flat_map(|list| list.split_ascii_whitespace());
    crate::diagnostics::nearest(word, words).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
