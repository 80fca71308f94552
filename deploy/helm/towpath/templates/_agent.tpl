{{/*
What agents of all kinds are: an account and a Deployment of one. (dict "root" $ "values" its own "above" those of towpath "url" the API's
"kind" "kubernetes" "component" "agent" "args" what follows `towpath agent KIND start`).
*/}}
{{- define "towpath.agent" -}}
{{- $own := .values -}}
{{- $image := dict "registry" "" "tag" "" "pullPolicy" "IfNotPresent" "pullSecrets" list -}}
{{- $image = mergeOverwrite $image (deepCopy (.above.image | default dict)) -}}
{{- with $own.imagePullPolicy }}{{ $_ := set $image "pullPolicy" . }}{{ end -}}
{{- with $own.imagePullSecrets }}{{ $_ := set $image "pullSecrets" . }}{{ end -}}
{{- $values := dict "image" $image "scheduling" ($own.scheduling | default .above.scheduling) -}}
{{- $root := dict "Release" .root.Release "Chart" .root.Chart "Values" $values -}}
{{- $name := printf "%s-agent-%s" (include "towpath.name" $root) $own.name -}}
{{- $labels := include "towpath.labels" (list $root .component) -}}
{{- $at := printf "agents.%s." .kind -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
{{- with $own.serviceAccountAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
{{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
spec:
  replicas: 1
  strategy: {type: Recreate} # two of a name would take care of the same runs
  selector:
    matchLabels: {{- include "towpath.selector" (list $root .component) | nindent 6 }}
  template:
    metadata:
      labels: {{- include "towpath.selector" (list $root .component) | nindent 8 }}
    spec:
      serviceAccountName: {{ $name }}
{{- if ne .kind "kubernetes" }}
      automountServiceAccountToken: false
{{- end }}
{{- include "towpath.pod" (list $root 10001) | nindent 6 }}
      containers:
        - name: agent
          image: {{ $own.image | default (include "towpath.image" (list $root (printf "towpath-agent-%s" .kind))) }}
          imagePullPolicy: {{ $image.pullPolicy }}
          args:
            - towpath
            - agent
            - {{ .kind }}
            - start
            - --name={{ $own.name }}
            - --agent-address=0.0.0.0:8080
            - --image={{ $own.flowImage }}
{{- range .args }}
            - {{ . }}
{{- end }}
{{- range $own.options }}
            - {{ . | quote }}
{{- end }}
          env:
            - {name: TOWPATH_API_URL, value: {{ required (printf "%sapiUrl: the address of Towpath's gateway, as pods see it" $at) .url | quote }}}
            - name: TOWPATH_API_KEY
              valueFrom: {secretKeyRef: {name: {{ required (printf "%sapiKeySecret: a secret with TOWPATH_API_KEY" $at) $own.apiKeySecret }}, key: TOWPATH_API_KEY}}
            - {name: TOWPATH_HOME, value: /tmp/towpath}
{{- with $own.trustedKeys }}
            - {name: TOWPATH_TRUSTED_KEYS, value: {{ . | quote }}}
{{- end }}
{{- include "towpath.extraEnv" $own.env | nindent 12 }}
{{- with $own.credentialsSecret }}
          envFrom: [{secretRef: {name: {{ . }}}}]
{{- end }}
          ports: [{name: http, containerPort: 8080}]
          livenessProbe:
            httpGet: {path: /health/live, port: http}
            periodSeconds: 30
            timeoutSeconds: 3
          readinessProbe:
            httpGet: {path: /health/ready, port: http}
            periodSeconds: 10
            timeoutSeconds: 6
          resources: {{- toYaml $own.resources | nindent 12 }}
          securityContext: {{- include "towpath.secure" $root | nindent 12 }}
          volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {}}]
{{ end }}

{{/* The Kubernetes agent, as `towpath agent kubernetes install` prints it: with the fewest rights in the release's namespace. */}}
{{- define "towpath.agent.kubernetes" -}}
{{- $args := list (printf "--namespace=%s" .root.Release.Namespace) -}}
{{- with .values.flowServiceAccount }}{{ $args = append $args (printf "--service-account-name=%s" .) }}{{ end -}}
{{- include "towpath.agent" (merge (dict "kind" "kubernetes" "component" "agent" "args" $args) .) }}
{{- $name := printf "%s-agent-%s" (include "towpath.name" .root) .values.name }}
{{- $labels := include "towpath.labels" (list .root "agent") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
rules:
  - {apiGroups: [batch], resources: [jobs], verbs: [create, delete, get, list, watch]}
  - {apiGroups: [""], resources: [pods], verbs: [list, watch]}
  - {apiGroups: [""], resources: [pods/log], verbs: [get]}
  - {apiGroups: [""], resources: [events], verbs: [list, watch]}
  - {apiGroups: [""], resources: [secrets], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }}}
subjects: [{kind: ServiceAccount, name: {{ $name }}, namespace: {{ .root.Release.Namespace }}}]
{{ end }}

{{/* The ECS agent: it reaches AWS and the API, and nothing of the cluster. */}}
{{- define "towpath.agent.ecs" -}}
{{- $args := list -}}
{{- with .values.region }}{{ $args = append $args (printf "--region=%s" .) }}{{ end -}}
{{- include "towpath.agent" (merge (dict "kind" "ecs" "component" "agent-ecs" "args" $args) .) }}
{{ end }}
