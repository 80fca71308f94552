{{- define "towpath.name" -}}
{{- if contains "towpath" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-towpath" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Labels that select pods of one component: (list $ "gateway"). */}}
{{- define "towpath.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: towpath
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "towpath.labels" -}}
{{- $root := index . 0 -}}
{{ include "towpath.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- define "towpath.image" -}}
{{- $root := index . 0 -}}
{{ with $root.Values.image.registry }}{{ . }}/{{ end }}{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end }}

{{- define "towpath.secret" -}}
{{ .Values.secrets.existing | default (printf "%s-secrets" (include "towpath.name" .)) }}
{{- end }}

{{/* Variables out of the secret: (list $ "NAME" "NAME"...). */}}
{{- define "towpath.fromSecret" -}}
{{- $root := index . 0 -}}
{{- range rest . }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ include "towpath.secret" $root }}, key: {{ . }}}}
{{- end }}
{{- end }}

{{- define "towpath.databaseUrl" -}}
{{- if .Values.database.bundled }}
{{- include "towpath.fromSecret" (list . "POSTGRES_PASSWORD") }}
- name: TOWPATH_DATABASE_URL
  value: postgresql://towpath:$(POSTGRES_PASSWORD)@{{ include "towpath.name" . }}-postgres/towpath
{{- else }}
{{- include "towpath.fromSecret" (list . "TOWPATH_DATABASE_URL") }}
{{- end }}
{{- end }}

{{- define "towpath.readDatabaseUrl" -}}
{{- if .Values.database.bundled }}
{{- include "towpath.fromSecret" (list . "TOWPATH_READ_PASSWORD") }}
- name: TOWPATH_READ_DATABASE_URL
  value: postgresql://towpath_read:$(TOWPATH_READ_PASSWORD)@{{ include "towpath.name" . }}-postgres/towpath
{{- else }}
{{- include "towpath.fromSecret" (list . "TOWPATH_READ_DATABASE_URL") }}
{{- end }}
{{- end }}

{{- define "towpath.natsUrl" -}}
{{- with .Values.nats.bundled | ternary (printf "nats://%s-nats:4222" (include "towpath.name" .)) .Values.nats.url }}
- {name: TOWPATH_NATS_URL, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* What Pod Security's level "restricted" wants of a container, and a read-only root. */}}
{{- define "towpath.secure" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The part of a pod that all share: (list $ UID). Variables of neighbouring services would be taken for settings: TOWPATH_GRAPHQL_PORT. */}}
{{- define "towpath.pod" -}}
{{- $root := index . 0 -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with $root.Values.scheduling }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "towpath.extraEnv" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{/* The container that brings the database's schema up to date; several at once wait for each other. */}}
{{- define "towpath.migrate" -}}
name: migrate
image: {{ include "towpath.image" (list . "towpath-graphql") }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [towpath-graphql, migrate]
env: {{- include "towpath.databaseUrl" . | nindent 2 }}
resources: {requests: {cpu: 50m, memory: 96Mi}, limits: {memory: 256Mi}}
securityContext: {{- include "towpath.secure" . | nindent 2 }}
volumeMounts: [{name: tmp, mountPath: /tmp}]
{{- end }}
