/** Of an artifact by name; the first rule that fits. */
type Rule = readonly [artifact: RegExp, group: string];

/**
 * Groups of well-known artifacts that do not say theirs: Gradle writes no `pom.properties`, and these write no
 * `Implementation-Vendor-Id` either. Without its group nothing that is known of Spring would be found.
 */
const rules: readonly Rule[] = [
  [
    /^spring-(?:aop|aspects|beans|context|context-support|context-indexer|core|core-test|expression|instrument|jcl|jdbc|jms|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc|websocket)$/,
    'org.springframework',
  ],
  [/^spring-boot(?:-|$)/, 'org.springframework.boot'],
  [/^spring-security-oauth2?$/, 'org.springframework.security.oauth'],
  [/^spring-security-/, 'org.springframework.security'],
  [/^spring-data-/, 'org.springframework.data'],
  [/^spring-cloud-gateway-|^spring-cloud-/, 'org.springframework.cloud'],
  [/^spring-batch-/, 'org.springframework.batch'],
  [/^spring-integration-/, 'org.springframework.integration'],
  [/^spring-session-/, 'org.springframework.session'],
  [/^spring-(?:amqp|rabbit)$/, 'org.springframework.amqp'],
  [/^spring-kafka$/, 'org.springframework.kafka'],
  [/^spring-hateoas$/, 'org.springframework.hateoas'],
  [/^spring-retry$/, 'org.springframework.retry'],
  [/^spring-ldap-/, 'org.springframework.ldap'],
  [/^spring-(?:ws-|xml$)/, 'org.springframework.ws'],
  [/^spring-graphql$/, 'org.springframework.graphql'],
  [/^spring-webflow$/, 'org.springframework.webflow'],
  [/^tomcat-embed-/, 'org.apache.tomcat.embed'],
  [/^tomcat-/, 'org.apache.tomcat'],
  [/^kotlinx-/, 'org.jetbrains.kotlinx'],
  [/^kotlin-/, 'org.jetbrains.kotlin'],
  [/^okhttp(?:-|$)/, 'com.squareup.okhttp3'],
  [/^okio(?:-|$)/, 'com.squareup.okio'],
  [/^reactor-netty/, 'io.projectreactor.netty'],
  [/^reactor-/, 'io.projectreactor'],
  [/^micrometer-/, 'io.micrometer'],
  [/^grpc-/, 'io.grpc'],
  [/^opentelemetry-/, 'io.opentelemetry'],
  [/^resilience4j-/, 'io.github.resilience4j'],
  [/^lucene-/, 'org.apache.lucene'],
  [/^solr-/, 'org.apache.solr'],
  [/^elasticsearch(?:-|$)/, 'org.elasticsearch'],
  [/^opensearch(?:-|$)/, 'org.opensearch'],
  [/^kafka(?:-clients|-streams|_2\.\d+|-server-common|-raft|-metadata)$/, 'org.apache.kafka'],
  [/^bc(?:prov|pkix|util|mail|tls|pg|jmail)-/, 'org.bouncycastle'],
  [/^postgresql$/, 'org.postgresql'],
  [/^h2$/, 'com.h2database'],
  [/^hsqldb$/, 'org.hsqldb'],
  [/^ojdbc\d+$/, 'com.oracle.database.jdbc'],
  [/^mysql-connector-java$/, 'mysql'],
  [/^mysql-connector-j$/, 'com.mysql'],
  [/^flyway-/, 'org.flywaydb'],
  [/^liquibase-core$/, 'org.liquibase'],
  [/^quartz$/, 'org.quartz-scheduler'],
  [/^ehcache$/, 'org.ehcache'],
  [/^graphql-java$/, 'com.graphql-java'],
  [/^xercesImpl$/, 'xerces'],
  [/^xalan$/, 'xalan'],
  [/^ant$/, 'org.apache.ant'],
  [/^scala-(?:library|compiler|reflect)$/, 'org.scala-lang'],
  [/^akka-/, 'com.typesafe.akka'],
];

/** Files of Tomcat's own `lib` folder, which have neither version nor artifact in their names. */
const tomcatFiles: Readonly<Record<string, string>> = {
  catalina: 'tomcat-catalina',
  'catalina-ha': 'tomcat-catalina-ha',
  'catalina-tribes': 'tomcat-tribes',
  'catalina-storeconfig': 'tomcat-storeconfig',
  jasper: 'tomcat-jasper',
  'jasper-el': 'tomcat-jasper-el',
};

/** The artifact as it is known, of a file's name without version and ending. */
export function artifactOfFile(file: string): string {
  return Object.hasOwn(tomcatFiles, file) ? tomcatFiles[file]! : file;
}

export function knownGroup(artifact: string): string | undefined {
  return rules.find(([pattern]) => pattern.test(artifact))?.[1];
}
